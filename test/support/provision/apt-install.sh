#!/bin/bash
# apt-install.sh <package...>: installs Debian packages without starting or enabling any service.
#
# A script of its own, and not a few calls from Node, so that it also puts everything back when the tests are killed
# in the middle of an installation.
set -euo pipefail
exec 9>/var/lock/twq-apt-install.lock
flock 9

policy=/usr/sbin/policy-rc.d
kept=$policy.before-twq
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1

# The links through which systemd or init would start a service at the next boot.
enabled_services() {
  find /etc/systemd/system -path '*.wants/*' -type l 2>/dev/null || true
  find /etc/rc[S0-6].d -name 'S*' -type l 2>/dev/null || true
}

enabled_before=$(enabled_services | sort)

restore() {
  rm -f "$policy"
  if [ -e "$kept" ]; then mv "$kept" "$policy"; fi
  comm -13 <(echo "$enabled_before") <(enabled_services | sort) | xargs -r -d '\n' rm -f --
}
trap restore EXIT

# Debian's packages ask this file whether they may start what they bring.
if [ -e "$policy" ] && [ ! -e "$kept" ]; then mv "$policy" "$kept"; fi
printf '#!/bin/sh\nexit 101\n' >"$policy"
chmod +x "$policy"

install() {
  apt-get install --yes --no-install-recommends -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@"
}
install "$@" || { apt-get update -o DPkg::Lock::Timeout=300 && install "$@"; }
