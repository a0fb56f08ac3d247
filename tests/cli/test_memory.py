"""Freed memory stays with the process where the C library can be told so."""

import platform

from spacy_slavner.cli._memory import keep_freed_memory


def test_only_glibc_is_told(monkeypatch):
    assert keep_freed_memory() == (platform.libc_ver()[0] == "glibc")
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    assert keep_freed_memory() is False
