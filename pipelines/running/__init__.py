"""One job on this machine: process, workspace, artifacts, cache, log. No Django, no server.

The command line, the server's local executor and an attached agent run jobs by this code.
"""
