#!/usr/bin/env bash
# `forgedit batch` on a real Slurm with simulated nodes, started by tools/cluster/forgedit.sbatch. Workers are killed,
# requeued, preempted, stopped before the time limit, and lost with their node. The list must still be finished.
# usage: slurm_test.sh FORGEDIT SOURCE_DIR; exits 77 if Slurm cannot run.
. "$(dirname "$0")/loopback_cluster.sh"
cluster_can_run || exit 77
. "$(dirname "$0")/../support/cli_test.sh" "$1" "$2"
trap 'cluster_stop; cleanup' EXIT

export FORGEDIT OMP_NUM_THREADS=1
EDITS=24
EDIT=(--model "$MODEL" --size 64x64 --samples 4 --batch 2 --steps 96 --gamma "0.8,1.0")
OPTIONS=("${EDIT[@]}" --lease 5)
cp "$SOURCE_DIR/assets/miniature/demo.png" good.png
: >stderr
for ((i = 1; i <= EDITS; i++)); do
  # The last four share learning in pairs.
  seed=$((i <= EDITS - 4 ? i : 1000 + i / 2))
  echo "{\"image\": \"good.png\", \"source\": \"a square\", \"target\": \"a red square $i\", \"seeds\": $seed, \"id\": \"e$i\"}"
done >list.jsonl

submit() { # [OPTION OF sbatch]... -- DIR
  local -a options=()
  while [ "$1" != -- ]; do options+=("$1") && shift; done
  sbatch --parsable --cpus-per-task=1 --output='%A_%a.log' "${options[@]}" "$SOURCE_DIR/tools/cluster/forgedit.sbatch" \
    list.jsonl "$2" "${OPTIONS[@]}"
}

done_edits() { find run/edits -mindepth 2 -maxdepth 2 2>/dev/null | wc -l; }
are_done() { [ "$(done_edits)" -ge "$1" ]; }
node_of() { squeue -h -j "$1" -o %N; }
job_says() { scontrol show job -o "$1" 2>/dev/null | grep -q "$2"; }
is_over() { [ -z "$(squeue -h -j "$1" 2>/dev/null)" ]; }
# Slurm delays requeued tasks by two minutes. A node rejects a job that returns within a second.
hold_less() { # JOB_TASK
  local start
  start=$(SLURM_TIME_FORMAT=%s squeue -h -t PENDING -j "$1" -o %S 2>/dev/null)
  [[ $start =~ ^[0-9]+$ ]] && [ "$start" -gt $(($(date +%s) + 20)) ] && scontrol update job="$1" StartTime=now+3
}
is_running_again() {
  hold_less "$1"
  job_says "$1" "JobState=RUNNING"
}
is_over_after_all() {
  local job
  for job in $(squeue -h -r -t PENDING -j "$1" -o %i 2>/dev/null); do hold_less "$job"; done
  is_over "$1"
}

process_of() { # JOB_TASK
  local id
  for id in $(cluster_processes "SLURM_CONF=$SLURM_CONF" "SLURM_ARRAY_JOB_ID=${1%_*}" "SLURM_ARRAY_TASK_ID=${1#*_}"); do
    [ "$(cat "/proc/$id/comm" 2>/dev/null)" = "$(basename "$FORGEDIT")" ] && echo "$id"
  done
}
record_of() { # JOB_TASK: the file in which its worker records its item
  grep -lsF "\"job\":\"$(squeue -h -j "$1" -o %A)\"" run/work/workers/*.json
}
claim_of() { # JOB_TASK: the name of its worker if that has a claim
  local record name
  record=$(record_of "$1") || return 1
  name=$(basename "$record" .json)
  grep -qsrF "\"worker\":\"$name\"" run/work/claims && echo "$name"
}
has_claim() { claim_of "$1" >/dev/null; }
is_in_an_edit() { # JOB_TASK
  local item
  has_claim "$1" && item=$(grep -oP '"item":"\K[^"]+' "$(record_of "$1")") && ! ls -d run/edits/*/"$item" >/dev/null 2>&1
}
# Suspends a worker in the middle of an edit.
freeze() { # JOB_TASK
  local process
  process=$(process_of "$1") && [ -n "$process" ] && kill -STOP "$process" || return 1
  is_in_an_edit "$1" && return 0
  kill -CONT "$process"
  return 1
}

echo "-- a cluster of four nodes"
cluster_start cluster 4 || { complain "the cluster does not start"; exit 1; }
job=$(submit --array=1-4 -- run) || { complain "sbatch"; exit 1; }
status_job=$(sbatch --parsable --dependency=afterany:"$job" --output=status.log --wrap \
  "\"$FORGEDIT\" batch --out run --status; echo code \$?")
within 60 are_done 3 || complain "nothing is done: $(cat ./*.log)"
for task in 1 2 3 4; do within 60 has_claim "${job}_$task" || complain "task $task has no claim"; done

echo "-- kill -9, a lost node, requeue and preemption"
for task in 1 3; do within 60 freeze "${job}_$task" || complain "task $task is never at work"; done
lost="$(claim_of "${job}_1") $(claim_of "${job}_3")"
dead=$(node_of "${job}_3")
kill -KILL "$(process_of "${job}_1")"
cluster_kill_node "$dead"
scontrol requeue "${job}_2"
# The last task of an array has the array's own job number: only this task may be requeued by that number.
[ "$(squeue -h -j "${job}_4" -o %A)" = "$job" ] || complain "the last task's number"
sbatch --partition=urgent --nodelist="$(node_of "${job}_4")" --output=/dev/null --wrap true >urgent
left=$((EDITS - $(done_edits)))
[ $left -gt 4 ] || complain "only $left edits were left: the machine is too fast for this test"

echo "-- the time limit's signal"
within 60 is_running_again "${job}_2" || complain "requeued task does not run: $(squeue)"
within 60 has_claim "${job}_2" || complain "the requeued task has no claim"
scancel --signal=USR1 "${job}_2"
within 60 grep -q "requeueing ${job}_2" "${job}_2.log" || complain "USR1: $(cat "${job}_2.log")"

echo "-- the end"
within 120 is_over_after_all "$job" || complain "no end: $(squeue)"
job_says "${job}_1" "JobState=FAILED.*Restarts=0" || complain "task 1: $(scontrol show job "${job}_1")"
for what in "2 Restarts=2" "3 Restarts=1" "4 Restarts=1"; do
  job_says "${job}_${what% *}" "JobState=COMPLETED.*${what#* }" || complain "task $what: $(scontrol show job "${job}_${what% *}" | grep -E "State|Restarts"; tail -n 20 "${job}_${what% *}.log")"
done
grep -q "requeueing ${job}_4" "${job}_4.log" || complain "preemption: $(cat "${job}_4.log")"
for name in $lost; do
  grep -qsF "\"lost\":\"$name\"" run/work/lost/* || complain "nobody took over what $name was at"
done
[ "$(wc -w <<<"$lost")" -eq 2 ] || complain "two workers were to be killed at work, not: $lost"

expect 0 "" batch --out run --status --lease 5
grep -q "^$EDITS of $EDITS edits done; 0 workers" stdout || complain "--status: $(cat stdout)"
for part in "\"done\": $EDITS," '"failed": 0,' '"left": 0,'; do
  grep -q "$part" run/summary.json || complain "summary.json: no $part"
done
[ "$(grep -c '"state": "done"' run/summary.json)" -eq $EDITS ] || complain "summary.json: not all edits are done"
[ "$(done_edits)" -eq $EDITS ] || complain "$(done_edits) folders of edits"
for ((i = 1; i <= EDITS; i++)); do
  grep -q '"complete": true' run/edits/*/e$i/edit.json || complain "e$i is not complete"
done
for folder in claims making failed; do
  [ -z "$(ls -A run/work/$folder 2>/dev/null)" ] || complain "work/$folder: $(ls -A run/work/$folder)"
done
find run -name '.forgedit*' | grep -q . && complain "temporary files: $(find run -name '.forgedit*')"

echo "-- the same bytes as one process makes"
# Two edits that were lost, one of a pair, and one that was not affected.
chosen="$(grep -ohP '"item":"\K[^"]+' run/work/lost/* | head -2) e$EDITS e1"
for id in $chosen; do grep "\"$id\"" list.jsonl; done | sort -u >few.jsonl
expect 0 "" batch few.jsonl --out alone "${OPTIONS[@]}"
for folder in alone/edits/*/*; do
  for picture in "$folder"/*.png; do
    cmp "$picture" run/edits/*/"${folder##*/}/${picture##*/}" || complain "$picture differs"
  done
done
expect 0 "" edit good.png "a red square 1" --source "a square" --seeds 1 --out edit "${EDIT[@]}"
for picture in edit/*.png; do cmp "$picture" run/edits/*/e1/"${picture##*/}" || complain "$picture differs"; done

echo "-- jobs that come late, and one that is cancelled"
within 30 is_over_after_all "$status_job" || complain "the job after the array does not run: $(squeue)"
[[ "$(cat status.log)" = "$EDITS of $EDITS edits done"*"code 0" ]] || complain "the job after the array: $(cat status.log)"
late=$(submit --array=7 -- run)
cancelled=$(submit --array=1 -- cancelled)
within 30 is_over "$late" || complain "late: $(squeue)"
job_says "${late}_7" "JobState=COMPLETED" || complain "a late worker: $(cat "${late}_7.log")"
is_claimed() { [ -n "$(ls -A cancelled/work/claims 2>/dev/null)" ]; }
within 30 is_claimed || complain "the job to be cancelled does nothing"
scancel "$cancelled"
within 30 is_over "$cancelled" || complain "a cancelled job goes on: $(squeue)"
job_says "${cancelled}_1" "JobState=CANCELLED.*Restarts=0" || complain "cancelled: $(scontrol show job "${cancelled}_1")"
[ -z "$(ls -A cancelled/work/claims)" ] || complain "a cancelled worker did not give its edit back"

end_of_test
