# shellcheck shell=bash disable=SC2034,SC2153,SC2054
# Links under names that the program writes, names that lead out of a folder, files of other users. To be sourced.

# written_names: prints the names (without folders) that every run opens for writing or locks.
written_names() {
  local folder=$WORK/$ROW.names i place name
  mkdir -p "$WORK/$ROW"
  for i in 1 2; do
    rm -rf "$folder"
    cp -a "$BASE" "$folder"
    in_folder "$folder" timeout -k 15 "$PATIENCE" "${CLEAN[@]}" "${STRACE[@]}" -y -e signal=none -o "$folder.calls" \
      -e trace=openat "$FORGEDIT" "${COMMAND[@]}"
    grep -E 'O_CREAT|O_TMPFILE' "$folder.calls" | grep -vE '"/(dev|proc|sys)/' |
      sed -n 's/.*openat([A-Z_0-9]*<\([^>]*\)>, "\([^"]*\)".*/\1 \2/p' |
      while read -r place name; do (cd "$place" 2>/dev/null && realpath -ms --relative-to="$folder" "$name"); done |
      sort -u >"$folder.$i"
    # Without O_EXCL, O_NOFOLLOW or O_TMPFILE, the kernel follows an existing link.
    grep 'O_CREAT' "$folder.calls" | grep -vE 'O_EXCL|O_NOFOLLOW|O_TMPFILE|"/(dev|proc|sys)/' >"$folder.followed"
  done
  comm -12 "$folder.1" "$folder.2"
}

# opens_safely: every new file must be created under a name that is not followed if it is a link.
opens_safely() {
  begin opens
  HOW="strace -f -e trace=openat $(quoted "$FORGEDIT" "${COMMAND[@]}")"
  written_names >"$REFERENCE.names"
  [ -s "$WORK/$ROW.names.followed" ] &&
    violation lost "a link would be followed: $(sed 's/^[0-9 ]*//' "$WORK/$ROW.names.followed" | head -1)"
  end
}

# check_victim: targets of links and files of others must not have changed.
check_victim() {
  cmp -s "$TRY.victim" "$WORK/inputs/victim" || violation lost "what $1 points to was changed"
  [ -z "$(listing "$TRY.victims")" ] || violation lost "written through a link: $(listing "$TRY.victims" | head -1)"
}

victims() {
  cp "$WORK/inputs/victim" "$TRY.victim"
  mkdir "$TRY.victims"
}

# planted ID NAME: before the run, makes NAME a link to a file of somebody else. PID in NAME becomes the process id.
planted() {
  begin "$1"
  victims
  local name=$2 plant
  # shellcheck disable=SC2016  # the inner shell becomes the program and keeps its process id
  plant='name=${1//PID/$$}; mkdir -p "$(dirname "$name")"; ln -sfn "$2" "$name"; shift 2; exec "$@"'
  HOW="bash -c $(quoted "$plant" bash "$name" "$TRY.victim" "$FORGEDIT" "${COMMAND[@]}")"
  in_folder "$TRY" timeout -k 15 "$PATIENCE" "${CLEAN[@]}" bash -c "$plant" bash "$name" "$TRY.victim" "$FORGEDIT" \
    "${COMMAND[@]}"
  judge
  check_victim "$name"
  # The run may reject, keep or replace the link, but a link must never take the place of a result.
  [ ! -L "$TRY/$name" ] || [ "$CODE" -ne 0 ] || [[ $name == *tmp* ]] ||
    ! (cd "$REFERENCE" && [ -e "$name" ]) || violation "other bytes" "$name is still a link"
  end
}

# record_leads_out ID NAME: a finished picture whose record names a path outside its folder.
record_leads_out() {
  begin "$1"
  victims
  local name=$2 first
  cp -a "$REFERENCE/O" "$TRY/O"
  first=$(cd "$TRY/O" && printf '%s\n' 01-*.png)
  [ "$name" = absolute ] && name=$TRY.elsewhere/x.png
  mkdir -p "$TRY.elsewhere" "$TRY/O/sub"
  mv "$TRY/O/$first" "$TRY.elsewhere/x.png"
  cp "$TRY.elsewhere/x.png" "$TRY/x.png"
  cp "$TRY.elsewhere/x.png" "$TRY/O/sub/x.png"
  if [ "$name" = link ]; then
    name=x.png
    ln -s "$TRY/x.png" "$TRY/O/x.png"
  fi
  sed -i "s|\"file\": \"$first\"|\"file\": \"$name\"|" "$TRY/O/edit.json"
  HOW="sed -i 's|$first|$name|' O/edit.json && $(quoted "$FORGEDIT" "${COMMAND[@]}")"
  call "$TRY" "${COMMAND[@]}"
  judge
  local place
  for place in "$TRY.elsewhere/x.png" "$TRY/x.png" "$TRY/O/sub/x.png"; do
    cmp -s "$place" "$REFERENCE/O/$first" || violation lost "$place was moved or changed by a record"
  done
  if [ "$CODE" -eq 0 ] && { [ ! -f "$TRY/O/$first" ] || [ -L "$TRY/O/$first" ]; }; then
    violation lost "$first is gone or a link"
  fi
  end
}

# saved_leads_out ID NAME: a saved edit whose picture name leads out of the default folder.
saved_leads_out() {
  begin "$1"
  local before
  sed -i "s|\"picture\": \"[^\"]*\"|\"picture\": \"$2\"|" "$TRY/L/learned.json"
  HOW="sed -i 's|good.png|$2|' L/learned.json && forgedit edit --from L 'a ../../dot' --steps 1 --gamma 1"
  mkdir -p "$TRY.deep/a/b"
  mv "$TRY/L" "$TRY.deep/a/b/L"
  before=$(listing "$TRY.deep" | grep -v '^a/b/')
  call "$TRY.deep/a/b" edit --from L "a ../../dot" --steps 1 --gamma 1 --model "$MODEL" "${CPU[@]}"
  cp "$TRY.deep/a/b.err" "$TRY.err"
  rm -f "$TRY.deep/a/b.out" "$TRY.deep/a/b.err"
  judge
  [ "$before" = "$(listing "$TRY.deep" | grep -v '^a/b/')" ] || violation lost "files outside of the folder"
  if listing "$TRY.deep/a/b" | grep -qvE '^(L|out)/'; then violation lost "files outside of out/"; fi
  end
}

# foreign ID: files of others beside the results must not be removed with leftovers.
foreign() {
  begin "$1"
  local name
  victims
  for name in O/holiday.tmp O/edit.json.bak O/notes.txt x.safetensors.old S.old/letter; do
    mkdir -p "$TRY/$(dirname "$name")"
    echo mine >"$TRY/$name"
  done
  ln -s "$TRY.victims" "$TRY/O/linked.tmp"
  HOW="mkdir O && echo mine >O/holiday.tmp && $(quoted "$FORGEDIT" "${COMMAND[@]}")"
  call "$TRY" "${COMMAND[@]}"
  judge
  for name in O/holiday.tmp O/edit.json.bak O/notes.txt x.safetensors.old S.old/letter; do
    [ "$(cat "$TRY/$name" 2>/dev/null)" = mine ] || violation lost "$name of somebody else is gone"
  done
  [ -L "$TRY/O/linked.tmp" ] || violation lost "O/linked.tmp of somebody else is gone"
  end
}

links_of() {
  prepare "$1"
  local name i=0 names
  [ -n "$TRACE" ] && opens_safely
  case $1 in
    learn) names="S/unet.safetensors S/learned.json S/original.png S" ;;
    sweep) names="O/edit.json O/sheet.png O/report.html" ;;
    lora) names="x.safetensors x.report.json x.embedding.safetensors" ;;
  esac
  for name in $names; do
    in_pool planted "$((++i))-final" "$name"
    in_pool planted "$((++i))-tmp" "$name.PID.tmp"
  done
  [ -s "$REFERENCE.names" ] || return 0
  while read -r name; do
    [[ $name == ../* ]] || in_pool planted "$((++i))-seen" "$name"
  done < <(spread ${QUICK:+1}12 <"$REFERENCE.names")
}

records_of() {
  local name i=0
  prepare sweep
  for name in ../x.png absolute sub/x.png sub/../../x.png ./../x.png link; do
    in_pool record_leads_out "$((++i))" "$name"
  done
  wait
  prepare story
  for name in ../../x.png /tmp/x.png ../.. .. a/../../../x; do in_pool saved_leads_out "saved-$((++i))" "$name"; done
  wait
  for name in sweep save lora bench; do
    prepare "$name"
    in_pool foreign "foreign-$name"
    wait
  done
}

try_links() {
  local scenario
  echo "of somebody else" >"$WORK/inputs/victim"
  TRACE=1
  can_trace || TRACE=''
  for scenario in learn sweep lora; do row "links/$scenario" links_of "$scenario"; done
  row links/records records_of
}
