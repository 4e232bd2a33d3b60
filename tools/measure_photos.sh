#!/usr/bin/env bash
# Repeats on photos what docs/learning.md, docs/keeping.md and docs/auto.md measure on emoji. Nobody here has the
# weights for it: a person with a Stable Diffusion model runs it.
# usage: tools/measure_photos.sh FOLDER tedbench|editeval DATA MODEL [OPTION...]
# FOLDER gets a run for each row, DATA is the benchmark as published, MODEL as for --model. OPTIONs go to every run:
# --clip, --lpips and --captioner or --source as `forgedit help bench tedbench` describes them, --every 4 for fewer
# edits. The same command goes on where it was stopped.
#
# RUNS      the rows to run ("published longer strategies auto protect start")
# FORGEDIT  the program (build/release/bin/forgedit)
set -euo pipefail
if [ $# -lt 4 ]; then
  sed -n '4,10p' "$0" >&2
  exit 2
fi
folder=$1
benchmark=$2
data=$3
model=$4
shift 4
RUNS=${RUNS:-published longer strategies auto protect start}
FORGEDIT=${FORGEDIT:-build/release/bin/forgedit}
GAMMA=(--gamma 0.8:1.2:0.1 --seeds 0,1)
# How the miniature learns (docs/learning.md), at half the published rate of the UNet.
LONGER=(--samples 1600 --unet-lr 3e-5 --stop-known 0.97 --lr-decay 0.3 --snr-gamma 5 --stratified-timesteps)

# options_of RUN: prints one option per line
options_of() {
  case $1 in
    published) printf '%s\n' "${GAMMA[@]}" ;;
    longer) printf '%s\n' "${GAMMA[@]}" "${LONGER[@]}" ;;
    strategies) printf '%s\n' "${GAMMA[@]}" --forget donotforget,encoderattn,decoderattn,noencoder ;;
    auto) printf '%s\n' "${GAMMA[@]}" --auto ;;
    protect) printf '%s\n' "${GAMMA[@]}" --protect ;;
    start) printf '%s\n' "${GAMMA[@]}" --start 0.8 ;;
    *)
      echo "measure_photos.sh: unknown run '$1': expected published, longer, strategies, auto, protect or start" >&2
      return 2
      ;;
  esac
}

for run in $RUNS; do
  text=$(options_of "$run")
  mapfile -t options <<<"$text"
  echo "== $run ($(date +%T)): ${options[*]}"
  "$FORGEDIT" bench "$benchmark" --data "$data" --model "$model" --out "$folder/$run" "${options[@]}" "$@"
done

# Prints the first rows of each run's table: the fixed protocol, the best setting or candidate, the automatic choice.
for run in $RUNS; do
  echo
  echo "== $run"
  sed -n '/^mean over edits/,/^[0-9]* done/p' "$folder/$run/table.txt"
done | tee "$folder/summary.txt"
