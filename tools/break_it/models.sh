# shellcheck shell=bash disable=SC2034,SC2153,SC2054
# Files that shrink, change or disappear while a run reads them. To be sourced.

WEIGHTS=unet/diffusion_pytorch_model.safetensors

# Prepares a run that is longer than the others, so that there is time to change its own copy of the model. `what` does
# not handle it: MODEL is a folder of the try.
prepare_long() {
  prepare "$1"
  local long=$WORK/base/$1-long
  if [ ! -d "$long" ]; then
    cp -a "$BASE" "$long"
    cp -r "$MODEL" "$long/model"
    chmod -R u+w "$long/model"
  fi
  BASE=$long REFERENCE=$WORK/reference/$1-long
  longer
  [ -e "$REFERENCE.ok" ] && return
  cp -a "$BASE" "$REFERENCE"
  TRY=$REFERENCE
  : >"$REFERENCE.volatile"
  cp "$WORK/reference/$1.volatile" "$REFERENCE.volatile"
  must "$REFERENCE" "${COMMAND[@]}"
  echo "$TOOK" >"$REFERENCE.ok"
}

# longer: changes COMMAND to the try's own model, more steps and more samples.
longer() {
  local i
  for i in "${!COMMAND[@]}"; do
    case ${COMMAND[i]} in
      --model) COMMAND[i + 1]=model ;;
      --steps) COMMAND[i + 1]=15 ;;
      --samples) COMMAND[i + 1]=60 ;;
    esac
  done
}

# corrupt WAY FILE: damages a file in the try's folder.
corrupt() {
  local file=$TRY/$2 bytes
  bytes=$(stat -c %s "$file")
  case $1 in
    half) truncate -s $((bytes / 2)) "$file" ;;
    empty) : >"$file" ;;
    grown) head -c 4096 /dev/zero >>"$file" ;;
    noise)
      head -c $((bytes / 2)) /dev/urandom |
        dd of="$file" bs=64K seek=$((bytes / 4)) oflag=seek_bytes conv=notrunc status=none
      ;;
    # Finite but wrong numbers: copies the third quarter over the second, in whole floats.
    shifted)
      tail -c +$((bytes / 8 * 4 + 1)) "$file" | head -c $((bytes / 4)) >"$TRY.part"
      dd if="$TRY.part" of="$file" bs=64K seek=$((bytes / 16 * 4)) oflag=seek_bytes conv=notrunc status=none
      ;;
    gone) rm -f "$file" ;;
    replaced) head -c "$bytes" /dev/zero >"$file.new" && mv "$file.new" "$file" ;;
  esac
}

# changed ID WAY FILE WHEN: damages FILE of a model or saved edit WHEN ms after the model was loaded. If WHEN is
# `drawing`, damages it as soon as there is a picture.
changed() {
  begin "$1"
  local way=$2 file=$3 when=$4 pid i loaded=picture
  [[ ${COMMAND[0]} == export || ${COMMAND[1]} == --from ]] && loaded=model
  HOW="($(quoted "$FORGEDIT" "${COMMAND[@]}") & sleep 1; $way $file; wait)"
  (cd "$TRY" && exec timeout -k 15 "$PATIENCE" "${CLEAN[@]}" "$FORGEDIT" "${COMMAND[@]}") \
    >"$TRY.out" 2>"$TRY.err" </dev/null &
  pid=$!
  if [ "$when" = drawing ]; then
    for ((i = 0; i < 600; i++)); do
      compgen -G "$TRY/O/[0-9r]*.png" >/dev/null && break
      kill -0 $pid 2>/dev/null || break
      sleep 0.05
    done
  else
    # A model that differs from the start is a valid other model, so first wait until it is loaded.
    for ((i = 0; i < 600; i++)); do
      grep -qa "^$loaded " "$TRY.err" && break
      kill -0 $pid 2>/dev/null || break
      sleep 0.05
    done
    sleep "$(seconds "$when")"
  fi
  corrupt "$way" "$file"
  wait $pid
  CODE=$? TOOK=0
  judge
  # Each picture must be right or missing, never one of other weights under the old fingerprint.
  while read -r i _; do
    cmp -s "$TRY/$i" "$REFERENCE/$i" || violation "other bytes" "$i, exit code $CODE"
  done < <(pictures "$TRY")
  if [ -n "$SAVED" ] && [ -d "$TRY/$SAVED" ]; then
    cmp -s "$TRY/$SAVED/unet.safetensors" "$REFERENCE/$SAVED/unet.safetensors" ||
      violation "other bytes" "$SAVED/unet.safetensors, exit code $CODE"
  fi
  cp -a "$BASE/$file" "$TRY/$file"
  check_broken
  if [ -n "$ONCE" ] && [ $CODE -eq 0 ]; then
    i=$(compare "$TRY" "$REFERENCE" | head -1)
    [ -z "$i" ] || violation "other bytes" "$i, exit code 0"
  else
    check_again
  fi
  end
}

changes_of() {
  prepare_long "$1"
  local scenario=$1 way file when i=0 took ways="half empty grown noise shifted gone replaced" files moments
  took=$(cat "$REFERENCE.ok")
  files="model/$WEIGHTS model/vae/diffusion_pytorch_model.safetensors model/text_encoder/model.safetensors"
  [ -d "$BASE/L" ] && files+=" L/unet.safetensors"
  moments="drawing 0 $((took / 3))"
  case $scenario in learn | single) moments="$((took / 10)) 0 $((took / 5)) $((took / 3))" ;; esac
  [ -n "$QUICK" ] && ways="half shifted" files="model/$WEIGHTS" moments=${moments%% *}
  for way in $ways; do
    for file in $files; do
      for when in $moments; do echo "$way $file $when"; done
    done
  done | spread 32 >"$REFERENCE.ways"
  while read -r way file when; do in_pool changed "$((++i))-$way" "$way" "$file" "$when"; done <"$REFERENCE.ways"
}

try_models() {
  local scenario
  for scenario in learn sweep story single; do row "models/$scenario" changes_of "$scenario"; done
}
