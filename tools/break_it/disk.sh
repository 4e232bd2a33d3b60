# shellcheck shell=bash disable=SC2034,SC2153,SC2054
# Full disks: a tmpfs that becomes full at some moment of the run. To be sourced.

# fill ID OPTIONS: mounts a tmpfs with these options as the try's folder.
fill() {
  begin "$1"
  HOW="mount -t tmpfs -o $2 none . && cp -a $BASE/. . && $(quoted "$FORGEDIT" "${COMMAND[@]}")"
  rm -rf "$TRY" && mkdir "$TRY"
  mount -t tmpfs -o "$2" none "$TRY"
  cp -a "$BASE/." "$TRY/"
  call "$TRY" "${COMMAND[@]}"
  if judge && [ "$CODE" -ne 0 ] && [ "$CODE" -ne 1 ] && [ "$CODE" -ne 3 ]; then
    violation unclear "expected exit 1: $(last_words)"
  fi
  local extra code=$CODE
  extra=$(temporary "$TRY")
  [ -z "$extra" ] || violation "left over" "$extra"
  check_broken
  # If a run reports success, compare it with an unbroken one at once.
  if [ "$code" -eq 0 ]; then
    extra=$(compare "$TRY" "$REFERENCE" | head -1)
    [ -z "$extra" ] || violation lost "exit 0 on a full disk: $extra"
  fi
  HOW+=" ; mount -o remount,size=1g,nr_inodes=0 ."
  mount -o remount,size=1g,nr_inodes=0 "$TRY"
  check_again
  if [ -n "$FAULTS" ]; then cp -a "$TRY" "$TRY.kept"; fi
  umount "$TRY" || umount -l "$TRY"
  if [ -n "$FAULTS" ]; then
    rmdir "$TRY"
    mv "$TRY.kept" "$TRY"
  fi
  end
}

disk_of() {
  prepare "$1"
  local before after share shares="1 4 9 16 25 35 46 57 68 79 88 94 98 100 106" inodes="1 2 4 8" n
  # tmpfs uses whole pages.
  before=$(du -sk --apparent-size "$BASE" | cut -f 1)
  before=$((before + 4 * $(listing "$BASE" | wc -l)))
  after=$(du -sk --apparent-size "$REFERENCE" | cut -f 1)
  after=$((after + 4 * $(listing "$REFERENCE" | wc -l)))
  # While a file is being replaced, both versions exist.
  [[ $1 == over ]] && after=$((2 * before))
  [ -n "$QUICK" ] && shares="9 80" inodes=2
  for share in $shares; do
    in_pool fill "share-$share" "size=$((before + (after - before) * share / 100 + 4))k"
  done
  for n in $inodes; do
    in_pool fill "inodes-$n" "nr_inodes=$(($(listing "$BASE" | wc -l) + 1 + n))"
  done
}

try_disk() {
  local scenario scenarios=$SCENARIOS folder=$WORK/try-mount
  mkdir "$folder"
  if ! mount -t tmpfs none "$folder" 2>/dev/null; then
    note "full disks: mounting a tmpfs needs root"
    return
  fi
  umount "$folder"
  rmdir "$folder"
  [ -n "$QUICK" ] && scenarios="over sweep single bench"
  for scenario in $scenarios; do row "disk/$scenario" disk_of "$scenario"; done
}
