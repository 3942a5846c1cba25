#!/bin/bash
# Installs the Debian packages that are missing; docs/dependencies.md says what each is for.
# usage: install-deps.sh [PACKAGE...]   those that are named, in place of what building and testing need
set -euo pipefail

packages=(libevent-dev libssl-dev libsqlite3-dev pkg-config clang-format mandoc curl openssl ca-certificates
  python3 python3-venv python3-yaml procps iproute2 tmux vim-tiny sudo strace binutils bubblewrap munge slurm-wlm)
[ $# -eq 0 ] || packages=("$@")

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "missing packages: ${missing[*]}; install them as root, or install sudo" >&2; exit 1; }
  root=(sudo)
fi
echo "installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
# munge and Slurm are for tests, which start their own: what installing them would start is not started.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap '"${root[@]}" rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' | "${root[@]}" install -m 755 /dev/stdin "$policy"
fi
"${root[@]}" apt-get update -q </dev/null
"${root[@]}" apt-get install -q -y --no-install-recommends "${missing[@]}" </dev/null
