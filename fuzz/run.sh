#!/usr/bin/env bash
# fuzz/run.sh SECONDS [TARGET...]: runs the targets of the preset `fuzz`, all unless named, one on each core. Fails on a
# finding, and starts no more targets after it. New inputs go to build/fuzz/corpus, those that fail to
# build/fuzz/findings.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:?fuzz/run.sh SECONDS [TARGET...]}
shift
targets=("$@")
if [ $# = 0 ]; then targets=(picture clip_tokenizer wordpiece config table workbook safetensors torch_file form http_head request); fi

mkdir -p build/fuzz/findings

run_target() {
  local target=$1 executions coverage
  local corpus=build/fuzz/corpus/$target log=build/fuzz/$target.log report=build/fuzz/findings/$target-report
  mkdir -p "$corpus"
  rm -f "$report".*
  # Reports go to files of their own, because HEIC and AVIF are decoded with a silenced standard error.
  export ASAN_OPTIONS=detect_leaks=0:quarantine_size_mb=64:allocator_may_return_null=1:log_path=$report
  export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1:log_path=$report
  if ! "build/fuzz/bin/fuzz_$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=16384 \
    -print_final_stats=1 -dict="fuzz/dictionaries/$target.dict" -artifact_prefix="build/fuzz/findings/$target-" \
    "$corpus" "fuzz/corpus/$target" >"$log" 2>&1; then
    tail -n 60 "$log"
    head -qn 60 "$report".* 2>/dev/null || true
    echo "fuzz_$target: a finding, see $log and build/fuzz/findings"
    exit 255 # xargs starts no more
  fi
  executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  coverage=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
  echo "fuzz_$target: no finding in $seconds s, $executions executions, $coverage edges"
}
export -f run_target
export seconds
printf '%s\n' "${targets[@]}" | xargs -P "$(nproc)" -I '{}' bash -euc 'run_target "$1"' bash '{}'
