"""The version of this installation, as packaging knows it."""

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("slipway")
except PackageNotFoundError:  # a checkout that is not installed
    VERSION = "0"
