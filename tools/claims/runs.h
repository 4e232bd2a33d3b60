#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace forgedit {

// What `forgedit bench miniedit` left in its folder, as far as claims are about it.

struct RunPicture {
  bool candidate = true, fixed = false, chosen = false;
  std::string strategy;             ///< empty where nothing was forgotten or edited
  double alpha = 0, strength = -1;  ///< α of vp; γ or β
  std::map<std::string, double> scores;
};

struct RunEdit {
  std::string id, kind;
  double learn_seconds = 0;
  std::vector<RunPicture> pictures;
};

using RunFilter = std::function<bool(const RunPicture& picture)>;

struct Run {
  std::vector<RunEdit> edits;  ///< those that were done

  std::set<std::string> ids() const;
  /// Only the edits with these ids.
  Run only(const std::set<std::string>& ids) const;
  /// Over edits the mean of the mean over an edit's pictures that pass; NaN where there are none.
  double mean(const std::string& key, const RunFilter& filter) const;
  /// The mean over edits of the best picture by the true answer.
  double best(const std::string& key) const;
  double median_learn_seconds() const;
};

/// Reads scores.json of a run's folder. Throws Error naming the file.
Run read_run(const std::filesystem::path& folder);

}  // namespace forgedit
