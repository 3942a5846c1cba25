#!/bin/bash
# usage: check-deb.sh DIRECTORY VERSION
# Whether the packages in it are what "make deb" has to make: by lintian, what they hold, and what they do when installed,
# upgraded and purged without a service manager. With one the guest does it (make test-vm CHECKS=package).
set -euo pipefail
cd "$(dirname "$0")/.."
packages=$1 version=$2
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
bad=0
complain() {
  echo "make deb: $*" >&2
  bad=1
}
deb() { echo "$packages/$1_${version}_$(dpkg --print-architecture).deb"; }
is() { [ "$2" = "$3" ] || complain "$1: \"$2\", and should be \"$3\""; }

check_field() { is "$1: $2" "$(dpkg-deb -f "$(deb "$1")" "$2")" "$3"; }

check_libraries() {
  local package=$1 library depends
  depends=$(dpkg-deb -f "$(deb "$package")" Depends)
  for library in "${@:2}"; do
    grep -qE "(^|, )$library( |,|$)" <<<"$depends" || complain "$package does not depend on $library: $depends"
  done
  ! grep -q libstdc++ <<<"$depends" || complain "$package depends on libstdc++, which is in it"
  # What its relocations need (see STATIC in the Makefile).
  dpkg --compare-versions "$(sed -n 's/.*libc6 (>= \([^)]*\)).*/\1/p' <<<"$depends")" ge 2.36 ||
    complain "$package takes a C library before 2.36: $depends"
}

# check_files PACKAGE FILE...: these, papers, and no other.
check_files() {
  local package=$1 found
  shift
  found=$(dpkg-deb --fsys-tarfile "$(deb "$package")" | tar -t | sed -n 's,^\./,,; /^usr\/share\/doc\//d; /[^/]$/p' | sort)
  is "the files of $package" "$(tr '\n' ' ' <<<"$found")" "$(printf '%s\n' "$@" | sort | tr '\n' ' ')"
}

check_programs() {
  local program
  dpkg-deb -x "$(deb jobd)" "$root"
  dpkg-deb -x "$(deb jobctl)" "$root"
  cp "$root/usr/bin/jobctl" "$root/usr/sbin"
  scripts/check-binaries.sh "$root/usr/sbin" || bad=1
  rm "$root/usr/sbin/jobctl"
  for program in sbin/jobd bin/jobctl; do
    is "$program --version" "$("$root/usr/$program" --version)" "${program#*/} ${version%%-*}"
  done
  for program in sbin/jobd sbin/jobd-keeper bin/jobctl; do
    ! readelf -SW "$root/usr/$program" | grep -q '\.debug_info' || complain "$program has debugging information"
  done
  # It goes on to certificates, of which there are none.
  grep -qF retention_age <("$root/usr/sbin/jobd" check-config --config "$root/etc/jobd/jobd.json5" 2>&1) ||
    complain "jobd does not take the configuration of the package"
}

# run_script SCRIPT ARGUMENT...: a script of the package jobd with the programs in $root/stubs in place of the system's.
run_script() { PATH="$root/stubs:$PATH" DPKG_MAINTSCRIPT_PACKAGE=jobd sh "$root/control/$1" "${@:2}" 2>&1; }
stub() {
  printf '#!/bin/sh\necho "$(basename "$0") $*" >>%q\n%s\n' "$root/called" "$2" >"$root/stubs/$1"
  chmod 755 "$root/stubs/$1"
}
called() { grep -qxF -- "$1" "$root/called"; }

check_first_start() {
  local said word
  stub jobd 'echo "jobd: no certificate" >&2; exit 1'
  said=$(run_script postinst configure '') || complain "its installation fails without certificates: $said"
  for word in "no certificate" "  jobd setup"; do
    grep -qF "$word" <<<"$said" || complain "its installation does not say \"$word\" but: $said"
  done
  ! called "deb-systemd-helper enable jobd.service" || complain "it is enabled without certificates"
  stub jobd true
  said=$(run_script postinst configure '') || complain "its installation fails: $said"
  called "deb-systemd-helper enable jobd.service" || complain "it is not enabled with certificates"
  : >"$root/called"
  said=$(run_script postinst configure 0.0.1) || complain "an upgrade fails: $said"
  ! called "deb-systemd-helper enable jobd.service" || complain "an upgrade enables what was disabled"
}

check_scripts() {
  local program
  mkdir "$root/stubs" "$root/control"
  dpkg-deb -e "$(deb jobd)" "$root/control"
  for program in deb-systemd-invoke systemd-sysusers; do stub "$program" true; done
  # Whatever it is asked for, that does not run.
  stub systemctl 'exit 3'
  stub deb-systemd-helper '[ "$1" != debian-installed ]'
  : >"$root/called"
  check_first_start
  is "its configuration files" "$(sort "$root/control/conffiles" | tr '\n' ' ')" \
    "/etc/jobd/jobd.json5 /etc/logrotate.d/jobd /etc/needrestart/restart.d/jobd.service "
  ! grep -E 'restart' "$root/control/prerm" "$root/control/postinst" | grep -v 'systemctl restart jobd" would end' ||
    complain "an upgrade restarts the daemon"
}

check_files jobd etc/jobd/jobd.json5 etc/logrotate.d/jobd etc/needrestart/restart.d/jobd.service \
  lib/systemd/system/jobd.{service,socket} usr/lib/systemd/user/jobd.service usr/lib/sysusers.d/jobd.conf \
  usr/sbin/jobd usr/sbin/jobd-keeper usr/share/man/man5/jobd.json5.5.gz usr/share/man/man8/jobd{,-keeper}.8.gz
check_files jobctl usr/bin/jobctl usr/share/man/man1/jobctl.1.gz usr/share/bash-completion/completions/jobctl \
  usr/share/fish/vendor_completions.d/jobctl.fish usr/share/zsh/vendor-completions/_jobctl
for package in jobd jobctl; do check_field "$package" Version "$version"; done
check_libraries jobd libc6 libevent-core-2.1-7 libsqlite3-0 libssl3
check_libraries jobctl libc6 libssl3
check_programs
check_scripts
lintian --fail-on error,warning --allow-root "$(deb jobd)" "$(deb jobctl)" || bad=1
exit "$bad"
