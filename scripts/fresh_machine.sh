#!/usr/bin/env bash
# Proves the two commands of the README on a machine that has nothing: makes a minimal Debian 12 root with debootstrap
# in a temporary folder, puts a clone of this repository in, runs the commands there and removes the folder again.
# Packages come from where this machine's apt takes them. Needs root and the packages debootstrap and git.
#
#   scripts/fresh_machine.sh [--worktree] [--keep] [COMMAND...]
#
#   --worktree  take the files as they are now instead of the last commit
#   --keep      leave the root folder for a look; its name is printed
#   COMMAND     shell lines to run in the repository instead of the README's commands
set -euo pipefail

root=$(cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/.." && pwd)
say() { printf '%s\n' "fresh_machine: $*" >&2; }
die() { say "$*"; exit 1; }

source_kind=clone keep=
while [[ ${1:-} == --* ]]; do
  case $1 in
    --worktree) source_kind=worktree ;;
    --keep) keep=1 ;;
    *) die "unknown option $1; see the head of this script" ;;
  esac
  shift
done
commands=("$@")
((${#commands[@]})) || commands=('./dev run "define harbor"' './dev test')

((EUID == 0)) || die "needs root: debootstrap, mount and chroot do"
for tool in debootstrap git unshare; do
  command -v "$tool" >/dev/null || die "$tool is missing: apt-get install -y debootstrap git util-linux"
done
# A mount namespace of our own: whatever is mounted below ends with this process, however it ends.
if [[ ${GANNET_FRESH_NAMESPACE:-} != 1 ]]; then
  options=()
  [[ $source_kind == worktree ]] && options+=(--worktree)
  [[ $keep ]] && options+=(--keep)
  GANNET_FRESH_NAMESPACE=1 exec unshare --mount --propagation private "$0" "${options[@]}" "${commands[@]}"
fi

machine=$(mktemp -d "${TMPDIR:-/tmp}/gannet-fresh-XXXXXX")
chmod 755 "$machine"  # it becomes / for users other than root, too
cleanup() {
  umount -R "$machine/proc" "$machine/sys" "$machine/dev" 2>/dev/null || true
  if [[ $keep ]]; then say "kept: $machine"; else rm -rf --one-file-system -- "$machine"; fi
}
trap cleanup EXIT

mapfile -t sources < <(apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' \
  'Created-By: Packages' 'Origin: Debian' | grep -E ' bookworm(-updates|-security)? ' | sort -u)
mirror=$(printf '%s\n' "${sources[@]}" | awk '$3 == "bookworm" { print $2; exit }')
[[ $mirror ]] || die "apt of this machine knows no Debian 12 (bookworm) archive: run apt-get update, or add one"

say "making a minimal Debian 12 in $machine"
debootstrap --variant=minbase bookworm "$machine" "$mirror" >"$machine.log" 2>&1 ||
  { tail -n 30 "$machine.log" >&2; die "debootstrap failed, log: $machine.log"; }
rm -f "$machine.log"

printf '%s\n' "${sources[@]}" >"$machine/etc/apt/sources.list"
apt-config dump | grep '^Acquire::' >"$machine/etc/apt/apt.conf.d/90host" || true
for file in /etc/resolv.conf /etc/hosts; do [[ -f $file ]] && cat "$file" >"$machine$file"; done
mount -t proc proc "$machine/proc"
mount --rbind /sys "$machine/sys"
mount --rbind /dev "$machine/dev"

mkdir -p "$machine/home"
if [[ $source_kind == clone ]]; then
  [[ -z $(git -C "$root" status --porcelain) ]] || say "changes that are not committed are not part of this run"
  git clone --quiet --no-hardlinks "$root" "$machine/home/gannet"
else
  mkdir "$machine/home/gannet"
  git -C "$root" ls-files -z --cached --others --exclude-standard |
    tar -C "$root" --null --files-from=- -cf - | tar -C "$machine/home/gannet" --no-same-owner -xf -
fi

for line in "${commands[@]}"; do
  say "\$ $line"
  started=$SECONDS
  status=0
  env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM="${TERM:-dumb}" \
    ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} \
    chroot "$machine" /bin/bash -c "cd /home/gannet && $line" </dev/null || status=$?
  say "exit code $status after $((SECONDS - started)) s"
  ((status == 0)) || exit "$status"
done
