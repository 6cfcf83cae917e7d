#!/usr/bin/env bash
# unit_file.sh UNIT PROGRAM: what systemd says of the unit when PROGRAM is installed; and its command line is one
# that the program takes. Exits with 77 (skipped) without systemd.
set -euo pipefail
unit=$1 program=$(readlink -f -- "$2")
command -v systemd-analyze >/dev/null || exit 77
folder=$(mktemp -d)
trap 'rm -rf -- "$folder"' EXIT
sed "s#/usr/bin/gannet#$program#" "$unit" >"$folder/gannet.service"
status=0
said=$(systemd-analyze verify --man=no "$folder/gannet.service" 2>&1) || status=$?
if [[ $said ]] || ((status)); then
  printf 'systemd-analyze ended with %d\n%s\n' "$status" "$said"
  exit 1
fi
# The line as it is, with a wrong value behind it: only that is complained about.
line=$(sed -n 's/^ExecStart=//p' "$folder/gannet.service")
read -ra words <<<"$line"
said=$("${words[@]}" --port none 2>&1) && { echo "$line: takes any port"; exit 1; }
[[ $said == *--port* ]] || { printf '%s\n' "$said"; exit 1; }
