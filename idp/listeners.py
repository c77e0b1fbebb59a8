"""What listens beside the process that holds the long connections, each as `serve(stop)`."""

LISTENERS = ("gitops.judge.serve",)
# What works beside them where one process does everything; else `manage.py runner`.
WORKERS = ("pipelines.executors.local.serve",)
