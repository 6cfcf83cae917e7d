#!/usr/bin/env bash
# Shaders that Debian 12's glslc cannot compile lie in the tree as text, NAME.spv.s beside NAME.comp: words for the
# assembler, with what they mean. This script writes such texts and checks them.
#   scripts/shader_text.sh           writes all; needs glslc and spirv-dis that know cooperative matrices (Debian 13's)
#   scripts/shader_text.sh --check   whether each belongs to its sources, by their hashes; needs neither
#   scripts/shader_text.sh --compare writes nothing, says whether each is what the compiler gives now
# RUN goes in front of the programs (the loader of another system), TOOLS is the folder that they are in.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
mapfile -t texts < <(find src -name '*.spv.s' | sort)

# A source and what it includes, each once.
sources_of() {
  local -a open=("$1") all=()
  while ((${#open[@]})); do
    local file=${open[0]} included
    open=("${open[@]:1}")
    [[ " ${all[*]} " == *" $file "* ]] && continue
    all+=("$file")
    while read -r included; do open+=("src/$included"); done < <(sed -n 's/^ *#include "\(.*\)".*/\1/p' "$file")
  done
  printf '%s\n' "${all[@]}"
}

# write_text SOURCE: to stdout.
write_text() {
  local folder offset text spv
  local -a run=() sources words at=() what=()
  read -ra run <<<"${RUN:-}"
  folder=$(mktemp -d)
  spv=$folder/it.spv
  "${run[@]}" "${TOOLS:+$TOOLS/}glslc" -O -Werror --target-env=vulkan1.2 -fshader-stage=compute -I src -o "$spv" "$1" >&2
  mapfile -t sources < <(sources_of "$1")
  printf '/* Written by scripts/shader_text.sh from these sources; not to be edited. */\n'
  sha256sum -- "${sources[@]}" | sed 's|.*|/* sha256 & */|'
  mapfile -t words < <(od -An -v -tx4 -w4 "$spv" | tr -d ' ')
  while IFS=$'\t' read -r offset text; do
    at+=($((offset / 4)))
    what+=("$text")
  done < <("${run[@]}" "${TOOLS:+$TOOLS/}spirv-dis" --no-color --no-header --no-indent --offsets "$spv" |
    sed -n 's/^\(.*[^ ]\) *; \(0x[0-9a-f]*\)$/\2\t\1/p')
  rm -r -- "$folder"
  at+=(${#words[@]})
  local i w line
  ((${#what[@]} > 0 && at[0] == 5)) || { echo "shader_text: spirv-dis says nothing about $1" >&2; return 1; }
  printf '.long'
  printf ' 0x%s\n' "$(IFS=, && printf '%s' "${words[*]:0:5}" | sed 's/,/,0x/g')"
  for ((i = 0; i < ${#what[@]}; ++i)); do
    line=
    for ((w = at[i]; w < at[i + 1]; ++w)); do line+=,0x${words[w]}; done
    printf '.long %s /* %s */\n' "${line:1}" "${what[i]}"
  done
}

status=0
for text in "${texts[@]}"; do
  source=${text%.spv.s}.comp
  case ${1:-} in
    --check)
      sed -n 's|^/\* sha256 \(.*\) \*/$|\1|p' "$text" | sha256sum --check --quiet --strict >&2 &&
        cmp -s <(sed -n 's|^/\* sha256 [0-9a-f]*  \(.*\) \*/$|\1|p' "$text") <(sources_of "$source") || {
        echo "shader_text: $text is not of $source as it is now; run scripts/shader_text.sh (docs/adding-an-op.md)" >&2
        status=1
      } ;;
    --compare)
      cmp -- "$text" <(write_text "$source") >&2 || status=1 ;;
    "")
      write_text "$source" >"$text.new"
      mv -- "$text.new" "$text"
      echo "shader_text: wrote $text" >&2 ;;
    *) echo "usage: scripts/shader_text.sh [--check|--compare]" >&2; exit 2 ;;
  esac
done
exit "$status"
