"""The change kind `gitops.sync`: a directory of git brought into a namespace and an account."""
