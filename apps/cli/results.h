#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "apps/cli/edit_run.h"

namespace forgedit::cli {

/// A folder that exists while results may come; it goes away again when nothing was put into it.
class OutputFolder {
 public:
  explicit OutputFolder(const std::filesystem::path& path);
  ~OutputFolder();
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;

 private:
  std::vector<std::filesystem::path> made_;  // deepest first
};

/// Where results go when the user does not say: out/PICTURE-TARGET, numbered where that is taken.
std::filesystem::path default_output_folder(const std::string& picture_name, const std::string& target);

/// Writes one run: a PNG for each picture as it is drawn and with it edit.json, at the end sheet.png.
class EditResults {
 public:
  /// `font` sets the sheet's labels; `with_text` puts the settings into each PNG.
  EditResults(std::filesystem::path folder, std::filesystem::path font, EditRun run,
              std::vector<Candidate> plan, bool with_text);

  /// What an earlier run into the same folder has to do with this one.
  struct Resumed {
    std::vector<Candidate> to_draw;  ///< all of the plan but for what was finished already
    std::size_t kept = 0;            ///< pictures taken over, since their settings are the same
    std::size_t older = 0;           ///< pictures with other settings that stay, but are no part of this run
  };
  Resumed resume();

  /// The losses of learning, where that came after resume(); an earlier run's record has them else.
  void set_losses(const std::vector<double>& losses) { run_.learned.result.losses = losses; }

  /// Returns the path of the picture's file.
  std::filesystem::path add(const Candidate& candidate, const Image& grid);

  /// Writes sheet and record of all that was added, even when the plan was not finished. Returns their paths.
  std::vector<std::filesystem::path> finish() const;

  std::size_t count() const { return pictures_.size(); }
  std::optional<double> reconstruction_db() const { return reconstruction_db_; }

 private:
  std::string label_of(const Candidate& candidate) const;
  Image draw_sheet() const;
  std::string record() const;

  std::filesystem::path folder_, font_;
  EditRun run_;
  std::vector<Candidate> plan_;
  bool with_text_;
  struct Picture {
    Image cell;  // a small copy for the sheet
    std::string settings, content;
  };
  void write_record() const;

  Image original_;                           // the picture itself, at the model's scale
  std::map<std::string, Picture> pictures_;  // finished ones, by stem
  std::optional<double> reconstruction_db_;  // against the original
};

}  // namespace forgedit::cli
