#!/bin/bash
# What the compilers do not check: manual pages, shell scripts, that generated files are what they are made of, and who
# names OpenSSL.
set -euo pipefail
cd "$(dirname "$0")/.."

for page in docs/man/*.[1-8]; do
  mandoc -Tlint -Wwarning "$page"
done
for script in scripts/*.sh .ci/run; do
  bash -n "$script"
done
scripts/openapi.py --check

# What is above the transports and the certificates does not know OpenSSL.
owners='^Sources/(CJobCore/http/(tls_.*|identity|digest)|CJobCore/seal/seal|CJobWire/(ca.*|tls_.*|client_tls|client_session|client_transport))\.[ch]$'
if grep -rlE '<openssl/|\b(SSL|BIO|X509)_' Sources --include='*.[ch]' | grep -vE "^Sources/COpenSSL/|$owners"; then
  echo "these files name OpenSSL, and are none of those that may" >&2
  exit 1
fi
