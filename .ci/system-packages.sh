#!/bin/sh
# Install what the tests need beside Python's packages: PostgreSQL and Chromium. Quick when both are there; without
# rights or Debian's packages it says what to install, and the tests that need it are skipped with a reason.
missing=
if ! command -v initdb >/dev/null && ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then
    missing="postgresql"
fi
if ! command -v chromium >/dev/null; then
    missing="$missing chromium"
fi
if [ -z "$missing" ]; then
    exit 0
fi

as_root=
if [ "$(id -u)" -ne 0 ]; then
    as_root="sudo -n"
fi
if command -v apt-get >/dev/null && $as_root true 2>/dev/null; then
    echo "Installing$(printf ' %s' $missing) (once) ..."
    # Debian's package starts a server of its own; the tests start theirs and need none.
    export DEBIAN_FRONTEND=noninteractive
    if $as_root apt-get update -qq && $as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null; then
        exit 0
    fi
fi
echo "Please install: $missing. The tests that need it are skipped until then."
