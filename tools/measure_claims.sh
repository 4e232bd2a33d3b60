#!/usr/bin/env bash
# Measures what docs/claims.md says of the method, on MiniEdit or MiniEdit-S, and draws its tables and figures.
# usage: tools/measure_claims.sh FOLDER [CLAIM...]     claims: sweep joint interpolation steps dreambooth
# `joint` and `dreambooth` compare with the pictures of `sweep`, which also has the strategies and the choice.
# The same command goes on where it was stopped. Everything follows from seed 0.
#
# Vanilla learns by its published schedule and all images are generated as published, not by the miniature's own defaults.
#
# BENCH     miniedit, or miniedit-s for pictures in styles that the miniature never saw (miniedit)
# EVERY=N   only every Nth edit, in every claim (1)
# DRAW      more options for all runs, for example "--sampler dpm++ --draw-batch 16"
# LEARN     more options for the runs that learn as usual, for example "--samples 20"
# IMAGIC    the same for Imagic's runs
# SAMPLES   how long the runs of `steps` learn ("100 200 400 800 1600 3200")
# RATE      their UNet learning rate, if not the published one; these runs and figures have it in their names
# STEPS     they take only every STEPS-th of those edits (9)
# AUTO      how the automatic choice takes part in `sweep` (nothing: it does not)
set -euo pipefail
if [ $# -lt 1 ]; then
  sed -n '2,17p' "$0" >&2
  exit 2
fi
folder=$1
shift
CLAIMS=${*:-sweep joint interpolation steps dreambooth}
BIN=${BIN:-build/release/bin}
EVERY=${EVERY:-1}
SAMPLES=${SAMPLES:-100 200 400 800 1600 3200}
BENCH=${BENCH:-miniedit}
RATE=${RATE:-}
SCHEDULE="--lr-decay 0 --snr-gamma 0 --uniform-timesteps"  # for runs with --unet-lr, --samples and --stop-loss
PUBLISHED="$SCHEDULE --unet-lr 6e-5 --samples 400 --stop-loss 0.03"
STRATEGIES=donotforget,encoderkv,noencoder,encoderattn,encoderattn+encoder1,decoderkv,decoderattn,decoderattn+decoder2

# bench RUN EVERY OPTION...: runs with few edits use the first ones of runs with many.
bench() {
  local run=$1 every=$(($2 * EVERY))
  shift 2
  echo "== $run ($(date +%T)): $*"
  # shellcheck disable=SC2086  # options, word by word
  "$BIN/forgedit" bench "$BENCH" --out "$folder/runs/$run" --every $every --steps 50 --guidance 7.5 "$@" ${DRAW:-}
}

for claim in $CLAIMS; do
  # shellcheck disable=SC2086
  case $claim in
    sweep)
      bench sweep 1 --forget $STRATEGIES --gamma 0.8:1.4:0.2 --fixed 1.0 --reconstruct $PUBLISHED ${LEARN:-} ${AUTO:-}
      ;;
    joint) bench imagic 12 --method imagic --gamma 0.8:1.2:0.2 --fixed 1.2 --reconstruct ${IMAGIC:-} ;;
    interpolation)
      bench vs 3 --gamma 0.0:1.6:0.2 $PUBLISHED ${LEARN:-}
      bench vp 3 --interpolation vp --alpha 0.8,0.9,1.1 --beta 0.0:1.6:0.2 $PUBLISHED ${LEARN:-}
      ;;
    steps)
      for samples in $SAMPLES; do
        bench "steps-$samples${RATE:+-$RATE}" "${STEPS:-9}" $SCHEDULE --unet-lr "${RATE:-6e-5}" \
          --samples "$samples" --stop-loss 0 --gamma 1.0 --reconstruct \
          --forget donotforget,noencoder,encoderattn,decoderattn
      done
      ;;
    dreambooth)
      bench dreambooth 6 --method dreambooth --forget donotforget,encoderattn --gamma 0.8:1.4:0.2 --reconstruct
      ;;
    *)
      echo "no claim is called $claim" >&2
      exit 2
      ;;
  esac
done
"$BIN/forgedit_claims" --runs "$folder/runs" --out "$folder"
