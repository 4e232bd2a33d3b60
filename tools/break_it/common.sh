# shellcheck shell=bash disable=SC2034,SC2153,SC2054
# Functions for all areas of tools/break_it.sh: run the program, judge how it ended, compare folders, count. To be
# sourced. A try has a folder TRY, which begins as a copy of BASE, a ROW of the table, and HOW it was broken.

KINDS=("half-written" lost "drawn twice" locked hung killed "other bytes" "left over" unclear)
export HOME=$WORK/home OMP_WAIT_POLICY=passive
unset HF_HUB_CACHE HF_HOME XDG_CACHE_HOME XDG_DATA_HOME XDG_STATE_HOME
mkdir -p "$WORK/home"
: >"$WORK/tries"
: >"$WORK/violations"
: >"$WORK/notes"
: >"$WORK/late"
# Shells start background jobs with some signals ignored, and programs inherit that.
CLEAN=(env "--default-signal=HUP,INT,QUIT,PIPE,TERM,XFSZ")

clean_up() {
  local job
  for job in $(jobs -p); do kill "$job" 2>/dev/null; done
  wait 2>/dev/null
  awk -v work="$WORK/" 'index($2, work) == 1 { print $2 }' /proc/mounts | xargs -r umount -l
}

note() {
  echo "note: $1"
  echo "$1" >>"$WORK/notes"
}

# in_pool COMMAND...: runs the command in parallel with at most JOBS - 1 others.
in_pool() {
  while [ "$(jobs -rp | wc -l)" -ge "$JOBS" ]; do wait -n; done
  # bash itself prints every job that a signal ended.
  "$@" </dev/null 2>>"$WORK/shell.log" &
}

quoted() { printf '%q ' "$@"; }

now_ms() { echo $((${EPOCHREALTIME/./} / 1000)); }

# seconds MILLISECONDS: prints seconds in the format of `sleep`.
seconds() { printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)); }

# below N: sets REPLY to a random number from 0 to N - 1. Not in a subshell, which would have its own sequence.
below() { REPLY=$(((RANDOM * 32768 + RANDOM) % $1)); }

# spread COUNT: prints at most COUNT of the input lines, evenly distributed, with the first and the last.
spread() {
  awk -v count="$1" '{ line[NR] = $0 }
    END {
      if (NR <= count) { for (i = 1; i <= NR; i++) print line[i]; exit }
      if (count == 1) { print line[int((NR + 1) / 2)]; exit }
      for (i = 0; i < count; i++) print line[1 + int(i * (NR - 1) / (count - 1) + 0.5)]
    }'
}

# wanted ROW: whether --only includes the row.
wanted() { [[ -z $ONLY || $ONLY != */* || $1 == "$ONLY" ]]; }

# row ROW COMMAND...: makes a row of the table from the tries that COMMAND starts in the pool.
row() {
  local ROW=$1 start=$SECONDS
  shift
  wanted "$ROW" || return 0
  "$@"
  wait
  local late
  late=$(grep -c "^$ROW$" "$WORK/late")
  [ "$late" -eq 0 ] && late='' || late=", $late came after the end"
  printf '%-20s %4d tries, %3d faults, %4d s%s\n' "$ROW" "$(grep -c "^$ROW$" "$WORK/tries")" \
    "$(grep -c "^$ROW	" "$WORK/violations")" $((SECONDS - start)) "$late"
}

# begin ID: starts a new try of SCENARIO in ROW; sets TRY.
begin() {
  TRY=$WORK/$ROW/$1
  HOW='' FAULTS=''
  mkdir -p "$TRY"
  cp -a "$BASE/." "$TRY/"
  echo "$ROW" >>"$WORK/tries"
}

# end: removes the folder of the try unless something broke.
end() { [ -n "$FAULTS" ] || rm -rf "$TRY" "$TRY".*; }

# violation KIND TEXT: records a fault. Each kind counts once per try.
violation() {
  [[ $FAULTS == *"|$1|"* ]] && return
  FAULTS+="|$1|"
  local text=${2//[$'\t\n']/ }
  printf '%s\t%s\t%s\t%s\t%s\n' "$ROW" "$1" "${text:0:300}" "cp -a $BASE again && cd again && $HOW" "$TRY" \
    >>"$WORK/violations"
}

# in_folder FOLDER COMMAND...: runs the command; its output is beside the folder. Sets CODE and TOOK (ms).
in_folder() {
  local folder=$1 start
  shift
  start=$(now_ms)
  { (cd "$folder" && exec "$@") </dev/null >"$folder.out" 2>"$folder.err"; } 2>/dev/null
  CODE=$?
  TOOK=$(($(now_ms) - start))
}

# call FOLDER ARGUMENT...: runs the program with a timeout.
call() {
  local folder=$1
  shift
  in_folder "$folder" timeout -k 15 "$PATIENCE" "${CLEAN[@]}" "$FORGEDIT" "$@"
}

complaints() { grep -a '^forgedit: ' "$TRY.err"; }

last_words() {
  local words
  words=$(complaints | tail -1)
  echo "exit $CODE: ${words:-$(tail -1 "$TRY.err" | tr -d '\r')}"
}

# judge [SECONDS]: records hangs, deaths by a signal and unclear errors. Succeeds if the program ended by itself.
judge() {
  local limit=${1:-$PATIENCE}
  if [ "$CODE" -eq 124 ] || { [ "$CODE" -eq 137 ] && [ "$TOOK" -ge $((limit * 1000)) ]; }; then
    local words="no end within $limit s"
    [ "$CODE" -eq 137 ] && words+=", and SIGTERM did not end it"
    violation hung "$words: $(tail -1 "$TRY.err")"
    return 1
  fi
  case $CODE in
    0) return 0 ;;
    130)
      # A library that cannot continue may raise SIGINT.
      [ "$(complaints | wc -l)" -ge 1 ] && return 0
      ;;
    1 | 2 | 3)
      grep -qaE 'terminate called|frame #|Exception raised from' "$TRY.err" && violation unclear "a stack trace: $(last_words)"
      [ "$(complaints | wc -l)" -eq 1 ] || violation unclear "$(complaints | wc -l) lines of error: $(last_words)"
      return 0
      ;;
    127) grep -qa 'error while loading shared libraries' "$TRY.err" && return 0 ;;
  esac
  if [ "$CODE" -gt 128 ] && [ "$CODE" -le 192 ]; then
    violation killed "signal $(kill -l $((CODE - 128)) 2>/dev/null || echo $((CODE - 128))): $(tail -1 "$TRY.err")"
  else
    violation unclear "$(last_words)"
  fi
  return 1
}

# listing FOLDER: prints the names of everything in it; folders end with a slash.
listing() { (cd "$1" && find . -mindepth 1 \( -type d -printf '%P/\n' -o -printf '%P\n' \) | sort); }

# hashes FOLDER: prints NAME HASH of all files.
hashes() { (cd "$1" && find . -type f -printf '%P\0' | sort -z | xargs -0r sha256sum | awk '{ print $2, $1 }'); }

# without_time PNG: prints the file without the chunk that contains its times.
without_time() {
  local at bytes
  at=$(grep -abo 'forgedit-seconds' "$1" | head -1 | cut -d : -f 1)
  if [ -z "$at" ]; then
    cat "$1"
    return
  fi
  bytes=$((0x$(tail -c +$((at - 7)) "$1" | head -c 4 | hex)))
  head -c $((at - 8)) "$1"
  tail -c +$((at + bytes + 5)) "$1"
}

# same_but_time FILE FILE: whether the files are equal apart from times, and in texts from keys that always differ.
same_but_time() {
  case $1 in
    *.png) cmp -s <(without_time "$1") <(without_time "$2") ;;
    *.json)
      [ -s "$REFERENCE.volatile" ] && cmp -s <(grep -avFf "$REFERENCE.volatile" "$1") <(grep -avFf "$REFERENCE.volatile" "$2")
      ;;
    # Tables and pages that contain times, if they differ between two unbroken runs.
    *.txt | *.html) grep -qsxF "${1##*/}" "$REFERENCE.unsteady" ;;
    *) false ;;
  esac
}

# compare FOLDER WHOLE: prints "extra NAME", "missing NAME", "differs NAME" for differences from an unbroken run.
compare() {
  local folder=$1 whole=$2 name
  comm -23 <(listing "$folder") <(listing "$whole") | sed 's/^/extra /'
  comm -13 <(listing "$folder") <(listing "$whole") | sed 's/^/missing /'
  join <(hashes "$folder" | sort -k1,1) <(hashes "$whole" | sort -k1,1) | awk '$2 != $3 { print $1 }' |
    while read -r name; do same_but_time "$folder/$name" "$whole/$name" || echo "differs $name"; done
}

hex() { od -An -tx1 -v | tr -d ' \n'; }

# well_formed FILE: whether the file is complete, as far as a shell can tell.
well_formed() {
  local file=$1 bytes header ends
  bytes=$(stat -c %s "$file")
  case $file in
    *.png)
      [ "$(head -c 8 "$file" | hex)" = 89504e470d0a1a0a ] && [ "$(tail -c 8 "$file" | hex)" = 49454e44ae426082 ]
      ;;
    *.json)
      ends=$(head -c 1 "$file")$(tail -c 2 "$file" | tr -d '\n' | tail -c 1)
      [ "$ends" = '{}' ] || [ "$ends" = '[]' ]
      ;;
    *.safetensors)
      [ "$bytes" -gt 8 ] || return 1
      header=$(od -An -tu8 -N8 "$file" | tr -d ' ')
      ends=$(tail -c +9 "$file" | head -c "$header" | grep -ao '"data_offsets": *\[[0-9]*, *[0-9]*\]' |
        sed 's/.*, *\([0-9]*\)\]/\1/' | sort -n | tail -1)
      [ "$bytes" -eq $((8 + header + ${ends:-0})) ]
      ;;
    *.html) tail -c 20 "$file" | grep -q '</html>' ;;
    *) [ "$bytes" -gt 0 ] ;;
  esac
}

# pictures FOLDER: prints NAME INODE TIME of all generated pictures whose final name an unbroken run also has.
pictures() {
  (cd "$1" && find . -type f -name '*.png' -printf '%P %i %T@\n') | sort -k1,1 |
    join - <(find "$REFERENCE" -type f -name '*.png' -printf '%P\n' | sort) |
    grep -vE '(^|/)(sheet|chart|original|good|other|man)\.png '
}

# temporary FOLDER: prints the first file that no unbroken run leaves and whose name looks temporary. Files that a
# failed run keeps for the next one do not count.
temporary() { comm -23 <(listing "$1") <(listing "$REFERENCE") | grep -iE '(tmp|temp|part|staging)' | head -1; }

print_violations() {
  local ROW kind text how folder
  [ -s "$WORK/violations" ] && echo
  while IFS=$'\t' read -r ROW kind text how folder; do
    echo "$ROW: $kind: $text | $how | kept in $folder"
  done <"$WORK/violations"
}

print_table() {
  local name kind total
  printf '\n%-20s %6s' "" tries
  printf ' %12s' "${KINDS[@]}"
  echo
  for name in $(awk '!seen[$0]++' "$WORK/tries") all; do
    total=$name
    [ "$name" = all ] && total='[^	]*'
    printf '%-20s %6d' "$name" "$(grep -c "^$total$" "$WORK/tries")"
    for kind in "${KINDS[@]}"; do printf ' %12d' "$(grep -c "^$total	$kind	" "$WORK/violations")"; done
    echo
  done
  [ -s "$WORK/notes" ] && sed 's/^/skipped: /' "$WORK/notes"
  return 0
}
