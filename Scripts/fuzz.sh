#!/usr/bin/env bash
# Builds fuzz targets and runs them one after the other: Scripts/fuzz.sh [-s SECONDS] [TARGET...] [-- LIBFUZZER OPTIONS...]
#
# A target is a folder Fuzzing/<Target>Fuzz; without names all of them run, a minute each. Its corpus/ holds the seeds,
# which stay as they are: what a run learns goes to .build/fuzz/<Target>/corpus, what it prints to .build/fuzz/<Target>/log,
# and an input that fails to .build/fuzz/findings. One line per target; exit 1 if there is a finding.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() { sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 2; }
seconds=60
targets=()
while [ $# -gt 0 ]; do
  case $1 in
  -s) [ $# -ge 2 ] || usage; seconds=$2; shift ;;
  --) shift; break ;;
  -*) usage ;;
  *) targets+=("$1") ;;
  esac
  shift
done
[[ $seconds =~ ^[0-9]+$ ]] || usage
if [ ${#targets[@]} -eq 0 ]; then
  for folder in Fuzzing/*Fuzz; do target=${folder#Fuzzing/}; targets+=("${target%Fuzz}"); done
fi
for target in "${targets[@]}"; do
  [ -d "Fuzzing/${target}Fuzz" ] || { echo "fuzz.sh: there is no Fuzzing/${target}Fuzz" >&2; exit 2; }
done

work=.build/fuzz
findings=$work/findings
mkdir -p "$findings"

# A parser without dependencies is compiled into one module with its target, in seconds.
build_alone() {
  # shellcheck disable=SC2046
  swiftc -O -sanitize=fuzzer,address -use-ld=lld -parse-as-library -swift-version 6 -package-name swift-spire \
    -enable-upcoming-feature ExistentialAny -enable-upcoming-feature InternalImportsByDefault \
    -module-name "$1Fuzz" -o "$work/$1/fuzz" $(find "Sources/$1" "Fuzzing/$1Fuzz" -name '*.swift')
}

# Everything else is a static library of the package, instrumented from top to bottom. It is not an executable of the
# package because SwiftPM would give it a main, and libFuzzer brings its own.
build_package() {
  SPIRE_FUZZ=1 swift build --scratch-path "$work/build" --product "$1Fuzz" --sanitize=address \
    -Xswiftc -sanitize=fuzzer -Xswiftc -O &&
    swiftc -sanitize=fuzzer,address -use-ld=lld -o "$work/$1/fuzz" "$work/build/debug/lib$1Fuzz.a" -lz -lsqlite3
}

for target in "${targets[@]}"; do
  mkdir -p "$work/$target/corpus"
  echo "building $target"
  if [ "$target" = HCL ]; then build=build_alone; else build=build_package; fi
  if ! $build "$target" >"$work/$target/log" 2>&1; then
    tail -40 "$work/$target/log" >&2
    exit 1
  fi
done

failed=0
for target in "${targets[@]}"; do
  log=$work/$target/log
  options=(-max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1)
  # The backtracer hangs under the sanitizers, and LeakSanitizer reports the runtime's own allocations.
  if SWIFT_BACKTRACE=enable=no ASAN_OPTIONS=detect_leaks=0 "$work/$target/fuzz" "${options[@]}" \
    -artifact_prefix="$findings/$target-" "$@" "$work/$target/corpus" "Fuzzing/${target}Fuzz/corpus" >"$log" 2>&1; then
    outcome=ok
  else
    status=$?
    finding=$(sed -n 's/.*Test unit written to //p' "$log" | tail -1)
    outcome="FAILED: ${finding:-ended with status $status, without a finding} (see $log)"
    failed=1
  fi
  executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  covered=$(grep -o 'cov: [0-9]*' "$log" | tail -1 || true)
  printf '%-16s %10s executions  %-12s %s\n' "$target" "${executions:-0}" "$covered" "$outcome"
done
exit $failed
