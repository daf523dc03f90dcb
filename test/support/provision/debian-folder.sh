#!/bin/bash
# debian-folder.sh <suite> <folder>: puts RabbitMQ, Celery, Flask and Redis of another Debian into a folder, and wrappers
# of their programs into <folder>/programs. Does nothing where that is complete; makes it anew where it is not.
#
# Needs root and debootstrap, takes about a minute and 450 MB. The mirror, its keyring, proxies, certificates and apt's
# settings are those of this machine.
set -euo pipefail
suite=$1 folder=$2

# Everything is mounted in a mount namespace that ends with its last process: nothing has to be unmounted, a run that is
# killed leaves no mount behind, and a deletion never goes through one.
if [ "${TWQ_OWN_MOUNTS:-}" != yes ]; then
  TWQ_OWN_MOUNTS=yes exec unshare --mount -- "$0" "$@"
fi

umask 022
mkdir -p "$(dirname "$folder")"
exec 9>"$folder.lock"
flock 9
programs=$folder/programs
if [ -e "$programs/complete" ]; then exit 0; fi
rm -rf --one-file-system "$folder"

# Of the first package list of Debian itself: where it comes from, and which line of apt's configuration says so.
debian_source() {
  apt-get indextargets --format '$(REPO_URI) $(SOURCESENTRY)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' | sed -n 1p
}
read -r mirror entry <<<"$(debian_source)" || true
if [ -z "${mirror:-}" ]; then
  # Without lists, as in a fresh container, apt does not know what its sources are.
  apt-get update -o DPkg::Lock::Timeout=300 || true
  read -r mirror entry <<<"$(debian_source)" || true
fi
if [ -z "${mirror:-}" ]; then
  echo 'the sources of apt name no mirror of Debian to make a folder from' >&2
  exit 1
fi
keyring=$(grep -ioP 'signed-by\s*[:=]\s*\K/[^],\s]+' "${entry%:*}" 2>/dev/null | sed -n 1p) || true
[ -r "${keyring:-}" ] || keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# debootstrap loads with wget, which takes proxies from its environment.
for scheme in http https; do
  proxy=$(apt-config shell p "Acquire::$scheme::Proxy" | sed "s/^p='\(.*\)'$/\1/")
  case $proxy in '' | DIRECT) ;; *) export "${scheme}_proxy=$proxy" ;; esac
done

script=/usr/share/debootstrap/scripts/$suite
[ -e "$script" ] || script=/usr/share/debootstrap/scripts/sid
debootstrap --variant=minbase --include=ca-certificates --keyring="$keyring" \
  "$suite" "$folder" "$mirror" "$script"

# apt inside goes the same way as apt here.
for settings in apt.conf apt.conf.d auth.conf auth.conf.d; do
  if [ -e "/etc/apt/$settings" ]; then cp -r -L "/etc/apt/$settings" "$folder/etc/apt/"; fi
done
if [ -r /etc/ssl/certs/ca-certificates.crt ]; then
  cp -L /etc/ssl/certs/ca-certificates.crt "$folder/etc/ssl/certs/ca-certificates.crt"
fi
if [ -r /etc/resolv.conf ]; then cp -L /etc/resolv.conf "$folder/etc/resolv.conf"; fi
echo '127.0.0.1 localhost' >"$folder/etc/hosts"
# Debian's packages ask this file whether they may start what they bring.
printf '#!/bin/sh\nexit 101\n' >"$folder/usr/sbin/policy-rc.d"
chmod +x "$folder/usr/sbin/policy-rc.d"
mount -t proc proc "$folder/proc"
DEBIAN_FRONTEND=noninteractive chroot "$folder" apt-get install --yes --no-install-recommends \
  -o Acquire::Check-Valid-Until=false -o Dpkg::Use-Pty=0 \
  rabbitmq-server redis-server python3-celery python3-flask python3-redis
umount "$folder/proc"
rm -rf "$folder"/var/cache/apt/archives/*.deb

# A wrapper replaces itself by the program: process id, signals, exit status and streams are the program's. The program
# sees /tmp, /proc and /dev of this machine, and its working folder and those of PYTHONPATH read-only, at the same paths.
mkdir "$programs"
cat >"$programs/inside" <<WRAPPER
#!/bin/sh
folder='$folder'
WRAPPER
cat >>"$programs/inside" <<'WRAPPER'
if [ "${TWQ_OWN_MOUNTS:-}" != yes ]; then
  TWQ_OWN_MOUNTS=yes exec unshare --mount -- "$0" "$@"
fi
unset TWQ_OWN_MOUNTS
set -e
mount --bind /tmp "$folder/tmp"
mount --rbind /proc "$folder/proc"
mount --rbind /dev "$folder/dev"
show() {
  case $1 in /tmp | /tmp/* | /) return ;; /*) ;; *) return ;; esac
  [ -d "$1" ] || return 0
  mkdir -p "$folder$1"
  mount --bind -o ro "$1" "$folder$1"
}
show "$PWD"
IFS=:
for path in ${PYTHONPATH:-}; do show "$path"; done
unset IFS
program=$1
shift
exec chroot "$folder" /usr/bin/env --chdir="$PWD" PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 "$program" "$@"
WRAPPER
chmod +x "$programs/inside"
wrap() {
  printf '#!/bin/sh\nexec %q %q "$@"\n' "$programs/inside" "$2" >"$programs/$1"
  chmod +x "$programs/$1"
}
# Debian's /usr/sbin/rabbitmq-server would change to the user rabbitmq.
for name in rabbitmq-server rabbitmqctl rabbitmq-plugins rabbitmq-queues rabbitmq-diagnostics; do
  wrap "$name" "/usr/lib/rabbitmq/bin/$name"
done
wrap epmd /usr/bin/epmd
wrap redis-server /usr/bin/redis-server
wrap redis-cli /usr/bin/redis-cli
wrap python3 /usr/bin/python3

"$programs/rabbitmqctl" version >/dev/null
"$programs/python3" -c 'import celery, flask, redis'
touch "$programs/complete"
