"""A real cluster: `target` is the port, `http` the only way out, `config` judges kubeconfigs."""

from gitops.backends.kubernetes.target import KubernetesTarget

__all__ = ["KubernetesTarget"]
