#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "forgedit/eval/record.h"

namespace forgedit {

// Results of edits whose true answers are known.

/// Returns the setting under which most edits were right and kept; ties are decided by right, then by the
/// distance to the truth. Each edit counts as the mean over its seeds. Empty without true answers or with
/// fewer than two settings.
std::string best_setting(const std::vector<EditRecord>& records);

/// Returns a table of the shares of edits that are right, kept, and both: for the fixed protocol, the best
/// setting, the automatic choice and the best by the true answer, as far as they exist; for all edits, by
/// kind and by split. Empty without true answers.
std::string answers_table(const std::vector<EditRecord>& records, const std::string& fixed_name);

/// The same as JSON, with every setting. `right`, `kept` and `right_and_kept` at the top are those of
/// `protocol`: the automatic choice, or without one the fixed protocol. An empty object without true answers.
nlohmann::json answers_json(const std::vector<EditRecord>& records);

}  // namespace forgedit
