#include "forgedit/pipelines/records/saved_subject.h"

#include <nlohmann/json.hpp>

#include "forgedit/core/error.h"
#include "forgedit/core/json.h"

namespace forgedit {

SavedSubject read_saved_subject(const std::filesystem::path& directory) {
  const auto path = directory / kSavedRecordFile;
  const auto record = read_json_object(path);
  const ConfigReader reader(path.string(), record);
  SavedSubject subject;
  subject.picture_name = reader.text("picture", "");
  const auto learning = record.find("learning");
  if (learning == record.end() || !learning->is_object()) reader.reject("learning", "expected an object");
  const ConfigReader options(path.string() + ": learning", *learning);
  // Old saved edits, from when there was one method, name none.
  try {
    subject.method = parse_learn_method(options.text("method", learn_method_name(LearnMethod::vanilla)));
  } catch (const Error& error) {
    options.reject("method", error.what());
  }
  return subject;
}

}  // namespace forgedit
