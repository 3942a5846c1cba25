# Checks of the Debian packages, as who administers a host meets them. Sourced by checks.sh, in the guest.
# shellcheck shell=bash

jobd_package() { echo /host/jobd_*.deb; }
state_of() { dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null; }
is_enabled() { is "$(systemctl is-enabled jobd 2>/dev/null)" "$1"; }
# The file a process runs is the one that is installed.
runs_installed() { is "$(stat -Lc %i "/proc/$1/exe")" "$(stat -c %i "$2")"; }
says() { grep -F -- "$1" "$scratch/installed"; }
install_package() { dpkg -i "$1" >"$scratch/installed" 2>&1 || { cat "$scratch/installed"; return 1; }; }

check_package() {
  make_next_package
  check_package_upgrade
  check_refused_upgrade
  check_library_update
  check_rotation
  check_removal
  check_purge
  check_first_hour
}

# The same program in another file, as a package of a version that comes after.
make_next_package() {
  next=$scratch/jobd_next.deb
  check "the package of a next version is made" make_next
}
make_next() {
  dpkg-deb -R "$(jobd_package)" "$scratch/next" && sed -i 's/^Version: .*/&+next/' "$scratch/next/DEBIAN/control" &&
    dpkg-deb -Znone -b "$scratch/next" "$next" && rm -r "$scratch/next"
}

check_package_upgrade() {
  local main before
  check "8 jobs start" start_numbered 8
  main=$(keeper) before=$(supervisor)
  start_clients
  check "an upgrade of the package under load" install_package "$next"
  check "another supervisor serves" is_other supervisor "$before"
  check "it is the program that was installed" runs_installed "$(supervisor)" /usr/sbin/jobd
  check "the keeper is the same process" is "$(keeper)" "$main"
  check "with the program that was installed" runs_installed "$main" /usr/sbin/jobd-keeper
  check "the unit was never restarted" is "$(systemctl show -P NRestarts jobd)" 0
  check "the unit serves" serves
  check "systemd has read the unit anew" is "$(systemctl show -P NeedDaemonReload jobd)" no
  end_clients
  check_numbered
}

check_refused_upgrade() {
  local before
  before=$(supervisor)
  cp /etc/jobd/pki/server.crt "$scratch/server.crt"
  echo broken >/etc/jobd/pki/server.crt
  check "an upgrade that the daemon refuses ends in order" install_package "$(jobd_package)"
  check "and says so" says 'the daemon goes on with the program it had'
  check "the package is installed" is "$(state_of jobd)" installed
  check "the service goes on" serves
  check "with the same supervisor" is "$(supervisor)" "$before"
  cp "$scratch/server.crt" /etc/jobd/pki/server.crt
  check "jobd upgrade, after that was mended" jobd upgrade
  check "another supervisor serves" is_other supervisor "$before"
}

# needrestart has the daemon load a library anew, and jobs go on.
check_library_update() {
  local main before library
  check "3 jobs start" start_numbered 3
  main=$(keeper) before=$(supervisor)
  library=$(realpath "$(sed -n 's,.* \(/.*libssl\.so[^ ]*\)$,\1,p' "/proc/$before/maps" | head -n 1)")
  check "it has a library" test -f "$library"
  replace_file "$library"
  check "needrestart finds that the service has an old library" grep -x 'NEEDRESTART-SVC: jobd.service' <(needrestart -q -r l -l -b)
  check "needrestart, which restarts what has to be" needrestart -r a -l
  check "another supervisor serves" is_other supervisor "$before"
  check "with the new library" fails grep -F "$library (deleted)" "/proc/$(supervisor)/maps"
  check "the keeper is the same" is "$(keeper)" "$main"
  check_numbered
}

check_rotation() {
  local trail=/var/log/jobd/audit.log
  cp /etc/jobd/jobd.json5 "$scratch/jobd.json5"
  echo "{ audit_file: \"$trail\" }" >/etc/jobd/jobd.json5
  check "jobd upgrade takes the configuration" jobd upgrade
  check "a job runs" jobctl run echo before
  check "logrotate" logrotate -f /etc/logrotate.d/jobd
  check "a job runs" jobctl run echo after
  check "what was before is in the moved file" grep -F '"echo","before"' "$trail.1"
  check "what came after in the new one" grep -F '"echo","after"' "$trail"
  check "which is the daemon's alone" is "$(stat -c '%a %U' "$trail")" "600 root"
  cp "$scratch/jobd.json5" /etc/jobd/jobd.json5
  check "jobd upgrade" jobd upgrade
}

check_removal() {
  check "jobs start" start_others
  check "the package is removed" dpkg -r jobd
  check "no process and no cgroup is left" await 5 nothing_left
  check "records and keys stay" test -e /var/lib/jobd/jobd.db -a -e /etc/jobd/pki/ca.key -a -e /etc/jobd/jobd.json5
  check "logrotate takes no offence" logrotate -f /etc/logrotate.d/jobd
  check "the package is installed again" install_package "$(jobd_package)"
  check "the unit serves" serves
  check_ended_in_order
}

check_purge() {
  check "a socket unit is enabled" systemctl enable jobd.socket
  check "the package is purged" dpkg -P jobd
  check "no process and no cgroup is left" await 5 nothing_left
  check "no state is left" fails test -e /var/lib/jobd
  check "no configuration" fails compgen -G '/etc/*/*/jobd.service'
  check "nor in its own directory" fails test -e /etc/jobd/jobd.json5
  check "the unit is unknown" is "$(systemctl show -P LoadState jobd)" not-found
  check "nothing starts it" is "$(find /etc/systemd -name 'jobd.*')" ''
  check "keys stay" test -e /etc/jobd/pki/ca.key -a -e /etc/jobd/pki/server.key
  check "and the audit trail" test -s /var/log/jobd/audit.log.1
  check "the package is installed where there are certificates" install_package "$(jobd_package)"
  check "the unit is enabled" is_enabled enabled
  check "and serves" serves
}

# The package where nobody has made certificates: it names one command, and that is all it takes, also by sudo, and for a
# user's own daemon.
check_first_hour() {
  check "the package is purged" dpkg -P jobd
  mv /etc/jobd/pki "$scratch/pki"
  check "it is installed without certificates" install_package "$(jobd_package)"
  check "it says what is missing" says 'cannot use the certificate /etc/jobd/pki/server.crt'
  check "nothing runs" fails pgrep -a jobd
  check "the unit is disabled" is_enabled disabled
  check "a start by hand fails" fails timeout 60 systemctl start jobd
  check "the unit says what to type" grep -F 'make it with jobd setup' <(systemctl status jobd)
  check "it is not tried again" is "$(systemctl show -P NRestarts -P ActiveState jobd | sort | tr '\n' ' ')" "0 failed "
  useradd --create-home --shell /bin/sh hopper
  check "it names one command" is "$(sed -n 's/^  //p' "$scratch/installed")" "jobd setup"
  check "jobd setup, by sudo" as_told env SUDO_UID="$(id -u hopper)" jobd setup
  check "the unit is enabled" is_enabled enabled
  check "a first job" is "$(as_told jobctl run echo hello)" hello
  check "one of who typed sudo, as that user" is "$(as_user hopper jobctl run id -un)" hopper
  check "whose key it is" is "$(stat -c '%U %a' ~hopper/.config/jobd/pki/client.key)" "hopper 600"
  check "jobd setup, again" as_told jobd setup --listen 127.0.0.1:7445
  check "which has it listen elsewhere" is "$(as_told jobctl run --server 127.0.0.1:7445 echo hello)" hello
  check_own_daemon
  userdel -r hopper 2>/dev/null
  cp "$scratch/jobd.json5" /etc/jobd/jobd.json5
  rm -r /etc/jobd/pki ~/.config/jobctl
  mv "$scratch/pki" /etc/jobd/pki
  check "systemctl restart" systemctl restart jobd
}
check_own_daemon() {
  local id
  useradd --create-home --shell /bin/sh lovelace
  id=$(id -u lovelace)
  check "a user is not logged in, but has services" loginctl enable-linger lovelace
  check "the user's systemd" await 60 as_user lovelace systemctl --user is-system-running --wait
  check "jobd setup, by the user" as_user lovelace jobd setup --listen 127.0.0.1:7444
  check "the user's unit is enabled" is "$(as_user lovelace systemctl --user is-enabled jobd)" enabled
  check "a job runs as the user" is "$(as_user lovelace jobctl run id -un)" lovelace
  check "in a cgroup of the user's" grep -F "/user-$id.slice/user@$id.service/" <(as_user lovelace jobctl run cat /proc/self/cgroup)
  check "the user's daemon stops" as_user lovelace systemctl --user disable --now jobd
  loginctl disable-linger lovelace
  loginctl terminate-user lovelace
  await 30 fails pgrep -u lovelace
  userdel -r lovelace 2>/dev/null
}
# Without what lib.sh tells jobctl.
as_told() { env -u JOBCTL_SERVER -u JOBCTL_CA -u JOBCTL_CERT -u JOBCTL_KEY "$@"; }
# as_user NAME COMMAND...: with the environment of a login.
as_user() {
  local user=$1
  shift
  setpriv --reuid="$user" --regid="$user" --init-groups --reset-env \
    env PATH="$PATH" XDG_RUNTIME_DIR="/run/user/$(id -u "$user")" "$@"
}
