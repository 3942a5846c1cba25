#!/bin/bash
# Makes .build/deb/jobd_VERSION_ARCH.deb and jobctl_VERSION_ARCH.deb of what "make build" has built, and checks them.
# usage: deb.sh
# DEB_REVISION (1~deb12: built on and for Debian 12) is what follows the programs' version in that of the packages.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/install-deps.sh debhelper lintian
bin=$(swift build -c release --static-swift-stdlib --show-bin-path)
version=$("$bin/jobd" --version)
version=${version#jobd }-${DEB_REVISION:-1~deb12}
# The same source makes the same packages.
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || stat -c %Y CHANGELOG.md)
export SOURCE_DATE_EPOCH DEB_BUILD_OPTIONS=noautodbgsym

out=$PWD/.build/deb stage=$PWD/.build/deb/stage
rm -rf "$out"
mkdir -p "$stage/docs"
trap 'rm -rf "$stage"' EXIT
scripts/install.sh "$stage/root" /usr >/dev/null
install -D -m 755 contrib/jobd.needrestart "$stage/root/etc/needrestart/restart.d/jobd.service"
cp -R debian CHANGELOG.md "$stage"
cp contrib/jobd.logrotate "$stage/debian/jobd.logrotate"
cp docs/{api,audit,clients,durability,page,performance,runners,scaling,threat-model}.md docs/openapi.yaml "$stage/docs"
cat >"$stage/debian/changelog" <<END
jobd ($version) unstable; urgency=medium

  * See changelog.gz for what is new.

 -- $(sed -n 's/^Maintainer: //p' debian/control)  $(date -R -u -d "@$SOURCE_DATE_EPOCH")
END
log=$out/build.log
# Without asking for build-essential (-d): nothing is compiled here.
(cd "$stage" && dpkg-buildpackage -b -d -us -uc) >"$log" 2>&1 || { tail -n 40 "$log" >&2; exit 1; }
scripts/check-deb.sh "$out" "$version"
ls -sh "$out"/*.deb
