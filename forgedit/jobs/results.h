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
#include "forgedit/jobs/background_thread.h"
#include "forgedit/jobs/edit_record.h"
#include "forgedit/jobs/finished.h"
#include "forgedit/jobs/results_folder.h"

namespace forgedit {

/// The order of images on a run's sheet and in its record, if it is not that of the plan.
struct Arrangement {
  struct Row {
    std::string title;
    std::vector<std::pair<std::string, std::string>> cells;  ///< stems and labels
  };
  std::vector<Row> rows;  ///< rows of edits; other images keep the order of the plan
  std::map<std::string, std::shared_ptr<const nlohmann::json>> scores;  ///< more keys of entries, by stem
  std::shared_ptr<const nlohmann::json> choice;                         ///< the record's key "auto"
  bool complete = false;                                                ///< whether the run was completed
};

/// The file name of the mask of the area that edits towards `target` may change (SampleOptions::protect).
std::string area_file_name(const std::string& target);

/// Writes the results of one run: a PNG for each image as soon as it is generated, then edit.json; at the end
/// sheet.png and report.html. A separate thread writes the images, and members that need the images wait for
/// it. Use it from one thread.
class EditResults {
 public:
  /// `fonts` are for the labels of the sheet; `with_text` puts the settings into each PNG.
  EditResults(std::filesystem::path folder, Fonts fonts, EditRun run, bool with_text);

  /// The results of earlier runs into the same folder that this run reuses.
  struct Resumed {
    std::vector<Candidate> to_draw;  ///< the part of the plan that is not finished yet
    std::size_t kept = 0;            ///< images that are reused, because their settings are the same
    std::size_t withheld = 0;        ///< images that an earlier run withheld (SafetyMode)
  };
  /// Adds `candidates` to the plan, and numbers their stems so that none has the number of another image in
  /// the folder. A run without a fixed plan calls this again for each round.
  Resumed resume(std::vector<Candidate>& candidates);
  /// Names the images of earlier runs in the folder that are not part of this run, in one sentence; empty if
  /// there are none.
  std::string older() const;
  /// Names of images that were damaged after they were written and will be generated again.
  std::vector<std::string> changed() const;
  /// Call this before generating. Marks the record as incomplete, and deletes sheet, report and chart of the
  /// last run.
  void begin();

  /// Sets the losses of fine-tuning, if it happened after resume(). Otherwise those in an earlier run's
  /// record are used.
  void set_losses(const std::vector<double>& losses);

  /// Receives the path of an image's file.
  using PictureWritten = std::function<void(const std::filesystem::path& file)>;
  /// Queues an image to be written, and waits while the queue is full. `written` is called in this thread, in
  /// a later call of this class, when the file is complete; the record may be written later. Throws the error
  /// of an earlier image; the others are still written. `verdict`: the safety checker's, as JSON; empty: not
  /// checked.
  void add(const Candidate& candidate, const Image& grid, PictureWritten written = {},
           std::string verdict = {});
  /// Records the verdict on an image without writing the image.
  void withhold(const Candidate& candidate, const std::string& verdict);
  bool is_withheld(const Candidate& candidate) const { return withheld_.count(candidate.stem) > 0; }
  /// Calls `written` of all images that are complete by now. Throws as `add`.
  void collect() { writer_.collect(); }
  /// Waits for all images, then collects.
  void drain() { writer_.drain(); }
  /// Sets the area that edits towards a target may change (SampleOptions::protect), a mask of the grid's
  /// size. Writes it beside the images as a mask of the source's size, and uses it for results of that size.
  void set_area(const std::string& target, const Mask& grid);
  /// Returns the image as its file shows it.
  Image shown(const Candidate& candidate, const Image& grid) const;
  /// Returns the edited part of an image that `shown` returned: the region if the run has one, else all of
  /// it.
  Image edited_part(Image shown) const;
  std::filesystem::path path_of(const Candidate& candidate) const {
    return folder_ / (candidate.stem + ".png");
  }

  void arrange(Arrangement arrangement);
  /// Writes sheet, report and record of all images that were added, even if the plan is not finished. Returns
  /// their paths. Throws a failure if image files have disappeared; the record then omits them.
  std::vector<std::filesystem::path> finish();

  std::size_t count() const;
  std::size_t withheld() const;
  /// The number of images that the safety checker flagged, withheld ones included.
  std::size_t flagged() const;
  std::size_t planned() const { return plan_.size(); }
  const std::string& picture_name() const { return run_.picture.picture_name; }
  /// The original at the model's scale.
  const Image& original() const { return original_; }
  std::optional<double> reconstruction_db() const;

 private:
  struct Picture {
    Image cell;        // a small copy for the sheet
    std::string copy;  // a data URI for the report
    std::string settings, content;
    std::string safety;  // the verdict as JSON; empty: none
  };
  /// The number of pixels in the file of a result.
  std::size_t shown_pixels() const;
  struct EncodedPicture {
    Picture picture;
    std::string file;            // contents of a PNG file
    std::optional<double> psnr;  // of a reconstruction, against the original
  };
  EncodedPicture encode(const Candidate& candidate, const Image& grid, const std::string& verdict) const;
  void write(const Candidate& candidate, EncodedPicture encoded);
  /// Returns the image at the model's scale, without padding.
  Image picture_of(const Candidate& candidate, const Image& grid) const;
  /// Adds the unchanged part of the source to `picture`, which has the source's size.
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
  FinishedPictures finished_;  // images of earlier runs
  std::vector<Candidate> plan_;
  std::size_t last_number_ = 0;                  // highest number in the plan so far
  std::map<std::string, Picture> pictures_;      // finished images, by stem
  std::map<std::string, std::string> withheld_;  // verdicts by stem
  mutable std::size_t unrecorded_ = 0;           // number of images finished since the record was written
  mutable std::chrono::steady_clock::time_point flushed_;  // time of the last flush of the record to the disk
  std::optional<double> reconstruction_db_;                // against the original
  std::optional<Arrangement> arrangement_;
  /// While it has tasks, its thread and the threads that encode for it own all members above. It is the last
  /// member, so that it is destroyed first.
  mutable BackgroundThread writer_;
};

}  // namespace forgedit
