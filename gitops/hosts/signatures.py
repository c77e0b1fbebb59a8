"""Who signed a commit, by git's own check of SSH signatures against a list of allowed signers.

The list is git's `allowed_signers` (`man ssh-keygen`): principals, options, a public key a line.
"""

from __future__ import annotations

import re
import shutil
import tempfile

from gitops.hosts import program
from gitops.hosts.local import LocalRepository
from gitops.hosts.program import GitError
from idp.common.errors import PermanentBackendError

MAX_ALLOWED = 256 * 1024  # bytes of the list
_GOOD = re.compile(r'^Good "git" signature for (\S{1,254}) with \S+ key ', re.MULTILINE)
# Only SSH: a program for other kinds would read keyrings that nobody keeps here.
_SETTINGS = {
    "gpg.format": "ssh",
    "gpg.program": "/bin/false",
    "gpg.x509.program": "/bin/false",
    "gpg.minTrustLevel": "fully",
}


def signer_of(repository: LocalRepository, sha: str, allowed: bytes) -> str:
    """The principal who signed the commit; empty where nobody did who is allowed to.

    Raises `PermanentBackendError` where nothing can be checked.
    """
    if shutil.which("ssh-keygen") is None:
        raise PermanentBackendError(
            "The program ssh-keygen is not installed where Slipway runs.",
            fix="Install openssh-client there.",
        )
    if len(allowed) > MAX_ALLOWED:
        raise PermanentBackendError(f"The list of signers has over {MAX_ALLOWED} bytes.")
    with tempfile.NamedTemporaryFile() as file:
        file.write(allowed)
        file.flush()
        settings = {**_SETTINGS, "gpg.ssh.allowedSignersFile": file.name}
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        try:
            said = program.run(repository.path, *words, "verify-commit", sha, also_errors=True)
        except GitError:
            return ""
    found = _GOOD.search(said.decode(errors="replace"))
    return found.group(1) if found else ""
