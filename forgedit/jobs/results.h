#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "forgedit/io/charts/fonts.h"
#include "forgedit/jobs/background_writer.h"
#include "forgedit/jobs/edit_record.h"
#include "forgedit/jobs/finished.h"
#include "forgedit/jobs/results_folder.h"

namespace forgedit {

/// How a run's sheet and record show its pictures when that is not in the order of the plan.
struct Arrangement {
  struct Row {
    std::string title;
    std::vector<std::pair<std::string, std::string>> cells;  ///< stems and labels
  };
  std::vector<Row> rows;  ///< of the edits; all else stays as in the plan
  std::map<std::string, std::shared_ptr<const nlohmann::json>> scores;  ///< further keys of entries, by stem
  std::shared_ptr<const nlohmann::json> choice;                         ///< the record's key "auto"
  bool complete = false;                                                ///< the run got to its end
};

/// The name of the file with what edits towards `target` may change (SampleOptions::protect).
std::string area_file_name(const std::string& target);

/// Writes one run: a PNG for each image as soon as it is generated, then edit.json; at the end sheet.png and
/// report.html. A separate thread writes the images, and what depends on them waits for it. Use it from one
/// thread.
class EditResults {
 public:
  /// `fonts` set the sheet's labels; `with_text` puts the settings into each PNG.
  EditResults(std::filesystem::path folder, Fonts fonts, EditRun run, bool with_text);

  /// What this run takes over from earlier runs into the same folder.
  struct Resumed {
    std::vector<Candidate> to_draw;  ///< the part of the plan that is not finished yet
    std::size_t kept = 0;            ///< images taken over, because their settings are the same
    std::size_t withheld = 0;        ///< images that an earlier run withheld
  };
  /// Plans `candidates`, and numbers their stems so that none has the number of another picture in the
  /// folder; a run that decides as it goes calls this again for more of them.
  Resumed resume(std::vector<Candidate>& candidates);
  /// What stays of earlier runs without being a part of this one, in a sentence; empty when there is nothing.
  std::string older() const;
  /// Images that were damaged since they were generated, and are generated again.
  std::vector<std::string> changed() const;
  /// Generating begins: marks the record as incomplete, and deletes sheet and chart of the last run.
  void begin();

  /// The losses of learning, where that came after resume(); an earlier run's record has them else.
  void set_losses(const std::vector<double>& losses);

  /// Gets the path of a picture's file.
  using PictureWritten = std::function<void(const std::filesystem::path& file)>;
  /// Hands a picture over to be written, and waits while several others are not. `written` is called by this
  /// thread, in a later call of this class, when the file is complete; the record may follow. Throws what an
  /// earlier picture failed with; the others are written all the same. `verdict`: of the safety checker, as
  /// JSON; empty: none.
  void add(const Candidate& candidate, const Image& grid, PictureWritten written = {},
           std::string verdict = {});
  /// Records the picture with its verdict instead of writing it.
  void withhold(const Candidate& candidate, const std::string& verdict);
  bool is_withheld(const Candidate& candidate) const { return withheld_.count(candidate.stem) > 0; }
  /// Calls `written` of all pictures that are complete by now. Throws as `add`.
  void collect() { writer_.collect(); }
  /// Waits for all pictures, then collects.
  void drain() { writer_.drain(); }
  /// What edits towards a target may change (SampleOptions::protect), a mask of the grid's size. Writes it
  /// beside the images as a mask of the source's size, and uses it for results of that size.
  void set_area(const std::string& target, const Mask& grid);
  /// What the file of a picture shows.
  Image shown(const Candidate& candidate, const Image& grid) const;
  /// The edited part of what a file shows: the region if the run has one, else all of it.
  Image edited_part(Image shown) const;
  std::filesystem::path path_of(const Candidate& candidate) const {
    return folder_ / (candidate.stem + ".png");
  }

  void arrange(Arrangement arrangement);
  /// Writes sheet, report and record of all that was added, even when the plan was not finished. Returns
  /// their paths. Throws a failure when pictures are gone from the folder: the record then leaves them out.
  std::vector<std::filesystem::path> finish();

  std::size_t count() const;
  std::size_t withheld() const;
  /// Images that the safety checker flagged, withheld ones included.
  std::size_t flagged() const;
  std::size_t planned() const { return plan_.size(); }
  const std::string& picture_name() const { return run_.picture.picture_name; }
  /// The picture itself at the model's scale.
  const Image& original() const { return original_; }
  std::optional<double> reconstruction_db() const;

 private:
  struct Picture {
    Image cell;        // a small copy for the sheet
    std::string copy;  // and one for the report
    std::string settings, content;
    std::string safety;  // the verdict as JSON; empty: none
  };
  /// In the file of a result.
  std::size_t shown_pixels() const;
  struct EncodedPicture {
    Picture picture;
    std::string file;            // a PNG
    std::optional<double> psnr;  // against the original; of a reconstruction
  };
  EncodedPicture encode(const Candidate& candidate, const Image& grid, const std::string& verdict) const;
  void write(const Candidate& candidate, EncodedPicture encoded);
  /// At the model's scale.
  Image picture_of(const Candidate& candidate, const Image& grid) const;
  /// With the unchanged part of the source, at the source's size.
  Image with_source(const Candidate& candidate, const Image& picture) const;
  void number(std::vector<Candidate>& candidates, const std::vector<std::optional<FinishedPicture>>& taken);
  std::string label_of(const Candidate& candidate) const;
  Image draw_sheet() const;
  nlohmann::json record(bool ended) const;
  std::string report(const nlohmann::json& record) const;
  void record_one_more() const;
  void write_record(bool ended) const;

  std::filesystem::path folder_;
  Fonts fonts_;
  EditRun run_;
  bool with_text_;
  Image original_;
  Mask mask_, source_mask_;            // with soft edges, at both scales; empty without a KeptPicture
  std::map<std::string, Mask> areas_;  // of the source's size, with soft edges, by target
  std::vector<std::filesystem::path> area_files_;
  FinishedPictures finished_;  // of an earlier run, not taken over yet
  std::vector<Candidate> plan_;
  std::size_t last_number_ = 0;                            // of the plan so far
  std::map<std::string, Picture> pictures_;                // finished ones, by stem
  std::map<std::string, std::string> withheld_;            // verdicts by stem
  mutable std::size_t unrecorded_ = 0;                     // finished since the record was written
  mutable std::chrono::steady_clock::time_point flushed_;  // the record, to the disk
  std::optional<double> reconstruction_db_;                // against the original
  std::optional<Arrangement> arrangement_;
  /// While it has work, all of the above is its thread's, and of the threads that encode for it. The last
  /// member: it ends before the others do.
  mutable BackgroundWriter writer_;
};

}  // namespace forgedit
