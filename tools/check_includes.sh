#!/usr/bin/env bash
# Checks that includes go in one direction. The table below is the ladder of docs/architecture.md; a folder may always
# include itself. Prints file:line of every include that breaks a rule, and fails if there is one.
set -euo pipefail
cd "$(dirname "$0")/.."

tools/list_files.sh '*.cpp' '*.h' | xargs -0 awk '
BEGIN {
  allow["core"] = ""
  allow["device"] = "core"
  allow["io/archive"] = "core"
  allow["io/pictures"] = "core"
  allow["io/charts"] = "core io/pictures"
  allow["io/tables"] = "core io/archive"
  allow["io/weights"] = "core io/archive"
  allow["text"] = "core"
  allow["schedulers"] = "core"
  allow["editing"] = "core"
  allow["nn"] = "core device"
  allow["models"] = "core device nn"
  allow["metrics"] = "core device io/pictures io/weights text nn models"
  allow["pipelines/model"] = "core device io/pictures io/weights text schedulers editing nn models"
  allow["pipelines/learning"] = allow["pipelines/model"] " pipelines/model"
  allow["pipelines/sampling"] = allow["pipelines/model"] " pipelines/model"
  allow["pipelines/choice"] = "core metrics editing pipelines/sampling"
  allow["pipelines/records"] = allow["pipelines/learning"] " pipelines/learning"
  allow["work"] = "core"
  allow["settings"] = "core io/pictures"
  allow["jobs"] = allow["pipelines/records"] " io/charts metrics pipelines/records pipelines/sampling pipelines/choice work settings"
  allow["capi"] = "core jobs pipelines/records"
  allow["batch"] = allow["jobs"] " io/tables jobs"
  allow["serve"] = "core io/archive io/pictures work settings"
  allow["eval"] = allow["jobs"] " io/tables jobs"
}
function complain(what) { print FILENAME ":" FNR ": " what; bad = 1 }
# The row that a path under forgedit/ belongs to: its folder, with the one below in `io` and `pipelines`.
function row_of(part,    first) {
  first = part[2]
  return first == "io" || first == "pipelines" ? first "/" part[3] : first
}
function listed(word, list,    words, n, i) {
  n = split(list, words, " ")
  for (i = 1; i <= n; ++i) if (words[i] == word) return 1
  return 0
}

FNR == 1 {
  split(FILENAME, path, "/")
  top = path[1]; folder = top == "forgedit" ? row_of(path) : path[2]
  header = FILENAME ~ /\.h$/
  if (top == "forgedit" && !(folder in allow)) complain("forgedit/" folder " has no row in tools/check_includes.sh")
}

top == "forgedit" && folder != "device" && /FORGEDIT_CUDA/ { complain("FORGEDIT_CUDA belongs in forgedit/device only") }

/^[ \t]*#[ \t]*include[ \t]*"/ {
  split($0, quoted, "\""); target = quoted[2]
  n = split(target, part, "/")
  if (part[1] == "forgedit") {
    if (top == "forgedit" && row_of(part) != folder && !listed(row_of(part), allow[folder]))
      complain("forgedit/" folder " may not include " target)
  } else if (part[1] == "apps") {
    if (top != "apps" && top != "tests") complain("only apps and tests may include " target)
    else if (top == "apps" && part[2] != folder && part[2] != "common")
      complain("apps/" folder " may not include " target)
  } else if (part[1] == "tools") {
    if (top != "tools" && top != "tests") complain(top " may not include " target)
  } else if (part[1] == "fuzz") {
    if (top != "fuzz") complain(top " may not include " target)
  } else if (part[1] == "tests") {
    if (top != "tests" && top != "fuzz") complain(top " may not include " target)
  } else if (top != "tests") {
    complain("write the path from the repository root, not \"" target "\"")
  }
}

/^[ \t]*#[ \t]*include[ \t]*</ {
  split($0, angled, /[<>]/); target = angled[2]
  if (target ~ /^(ATen\/cuda|c10\/cuda|torch\/cuda|cuda|cublas|cudnn|nccl|nvml)/ && FILENAME !~ /^forgedit\/device\//)
    complain("CUDA headers belong in forgedit/device: <" target ">")
  if (top == "forgedit" && header && target ~ /^(nlohmann\/json\.hpp|png\.h|jpeglib\.h|zlib\.h|utf8proc\.h|sqlite3\.h|boost\/|webp\/|stb|spdlog\/)/)
    complain("third-party headers belong in .cpp files: <" target ">")
  if (top == "forgedit" && target ~ /^(iostream|CLI\/)/)
    complain("only apps print and read arguments: <" target ">")
}

END { exit bad }
'
