#!/bin/bash
# usage: install.sh DESTDIR PREFIX
set -euo pipefail
cd "$(dirname "$0")/.."
destdir=$1 prefix=$2
bin=$(swift build -c release --static-swift-stdlib --show-bin-path)

install -D -m 755 "$bin/jobd" "$destdir$prefix/sbin/jobd"
install -D -m 755 "$bin/jobd-keeper" "$destdir$prefix/sbin/jobd-keeper"
install -D -m 755 "$bin/jobctl" "$destdir$prefix/bin/jobctl"
for page in docs/man/*.[1-8]; do
  install -D -m 644 "$page" "$destdir$prefix/share/man/man${page##*.}/$(basename "$page")"
done
install -d "$destdir$prefix/share/bash-completion/completions" "$destdir$prefix/share/zsh/site-functions" \
  "$destdir$prefix/share/fish/vendor_completions.d"
"$bin/jobctl" completion bash >"$destdir$prefix/share/bash-completion/completions/jobctl"
"$bin/jobctl" completion zsh >"$destdir$prefix/share/zsh/site-functions/_jobctl"
"$bin/jobctl" completion fish >"$destdir$prefix/share/fish/vendor_completions.d/jobctl.fish"
# Not below /lib, which is a link where /usr is merged: a directory in an archive would take its place.
units=$destdir/usr/lib/systemd
install -d "$units/system" "$units/user" "$destdir/usr/lib/sysusers.d" "$destdir/etc/jobd"
sed "s,@PREFIX@,$prefix,g" contrib/jobd.service >"$units/system/jobd.service"
install -m 644 contrib/jobd.socket "$units/system/jobd.socket"
sed "s,@PREFIX@,$prefix,g" contrib/jobd-user.service >"$units/user/jobd.service"
install -m 644 contrib/jobd.sysusers "$destdir/usr/lib/sysusers.d/jobd.conf"
[ -e "$destdir/etc/jobd/jobd.json5" ] || install -m 644 contrib/jobd.json5 "$destdir/etc/jobd/jobd.json5"
echo "installed below $destdir$prefix; next: jobd setup"
