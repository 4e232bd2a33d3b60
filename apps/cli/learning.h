#pragma once

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "apps/cli/model_choice.h"
#include "forgedit/pipelines/saved_edit.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace forgedit::cli {

/// What to learn, and how: shared by `edit` and `learn`.
struct LearnArguments {
  std::string image;
  std::string source;     ///< empty: the captioner writes it
  std::string captioner;  ///< its folder; empty: where find_captioner looks
  std::array<std::uint8_t, 3> background{255, 255, 255};
  std::optional<std::pair<int, int>> size;  ///< stretch to this; nothing: keep the picture's shape
  std::string save;                         ///< folder of the saved edit; empty: not saved
  LearnOptions options;
};

/// All but the picture itself and the seed. Returns the options, so that a caller can forbid them.
std::vector<CLI::Option*> add_learn_options(CLI::App& command, LearnArguments& arguments);

/// What can be found wrong before any file is read.
void check_learn_arguments(const LearnArguments& arguments);

/// Learns `picture` (the file's contents), and saves it where that was asked for.
LearnedPicture learn_and_save(const LearnArguments& arguments, const Image& picture,
                              const ModelChoice& choice, StableDiffusion& model, Console& console);

/// A usage Error for an option's value that is only blanks.
void require_text(const std::string& what, const std::string& text);

/// Throws where a folder cannot be made: a file, or no right to write.
void check_folder_can_be_made(const std::filesystem::path& folder);

}  // namespace forgedit::cli
