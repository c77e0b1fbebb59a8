"""What listens beside the process that holds the long connections, each as `serve(stop)`."""

LISTENERS = ("gitops.judge.serve",)
