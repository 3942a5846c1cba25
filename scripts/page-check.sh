#!/bin/bash
# Drives the web page in a real browser (Tests/Page), as each role, and leaves pictures of its views in .build/page-pictures.
# usage: page-check.sh [TEST...]   only tests whose name has one of these in it
set -euo pipefail
cd "$(dirname "$0")/.."
selenium=4.51.0 axe=2.1.6
scripts/install-deps.sh chromium chromium-driver libnss3-tools fonts-dejavu-core
venv=.build/selenium-$selenium-$axe
if [ ! -e "$venv/complete" ]; then
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install -q --disable-pip-version-check "selenium==$selenium" "axe-selenium-python==$axe" </dev/null
  touch "$venv/complete"
fi

# As the tests are built, so that nothing is built twice.
flags=(-Xswiftc -warnings-as-errors -Xswiftc -use-ld=lld -Xcc -Wall -Xcc -Wextra -Xcc -Werror
  --explicit-target-dependency-import-check error)
for product in jobd jobd-keeper jobctl; do swift build --product "$product" "${flags[@]}"; done
pictures=.build/page-pictures
rm -rf "$pictures"

# The browser reads its policy below /etc, and a job's user is the daemon's to choose.
root=()
[ "$(id -u)" -eq 0 ] || root=(sudo -n)
"${root[@]}" env PYTHONDONTWRITEBYTECODE=1 timeout --kill-after=10 180 "$venv/bin/python" Tests/Page/check.py "$(swift build --show-bin-path)" "$pictures" "$@" </dev/null
echo "pictures of the page are in $pictures"
