#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace forgedit {

/// The true answer of an edit, if the benchmark has one.
struct TrueAnswer {
  std::filesystem::path truth;
  std::vector<std::filesystem::path> distractors;  ///< images of wrong answers
  std::vector<std::filesystem::path> identities;   ///< the truth with another identity
  std::vector<std::filesystem::path> styles{};     ///< the truth in other styles than the source's
  std::string split;  ///< what the miniature was trained on: "held back", "truth held back",
                      ///< "trained", "unseen style: noto"
};

/// One edit that a benchmark asks for.
struct BenchEdit {
  std::string id;                 ///< a folder's name, unique: "017-dog-01-a-photo-of-a-jumping-dog"
  std::string picture_name;       ///< name in the benchmark: "dog_01.jpeg", "action_change/1.jpeg"
  std::filesystem::path picture;  ///< the file, which may be missing
  std::string category;           ///< kind of edit; empty in TEdBench
  std::optional<std::string> source;
  std::string target;
  std::string instruction{};  ///< EditEval's third column; empty elsewhere
  std::optional<TrueAnswer> answer{};
};

struct Benchmark {
  std::string name;
  std::vector<BenchEdit> edits;
  std::vector<std::string> notes{};  ///< notes for people on how its files were read
};

/// TEdBench (arXiv 2210.09276): `input_list.json` and `originals/` in `directory` or its folder tedbench. It
/// has no source prompts. Throws Error naming file and entry.
Benchmark read_tedbench(const std::filesystem::path& directory);

/// EditEval_v1 (SiatMMLab/Awesome-Diffusion-Model-Based-Image-Editing-Methods): the sheets of
/// `editing_prompts_collection.xlsx` in `directory`, its folder Dataset or EditEval_v1/Dataset, and beside it
/// a folder per category with pictures numbered in the order of the rows. Throws Error naming file and place.
Benchmark read_editeval(const std::filesystem::path& directory);

/// Edits with true answers, in the layout of docs/miniedit.md: `edits.json` and the pictures it names. Throws
/// Error naming file, edit and key.
Benchmark read_miniedit(const std::filesystem::path& directory);

/// TEdBench or EditEval_v1, whichever is in `directory`.
Benchmark read_benchmark(const std::filesystem::path& directory);

}  // namespace forgedit
