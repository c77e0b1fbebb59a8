"""AWS by boto3: `target` is the port, `calls` the only door to the SDK, one module a service."""

from gitops.backends.aws.target import AwsTarget

__all__ = ["AwsTarget"]
