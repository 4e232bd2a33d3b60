#include <cmath>

#include "forgedit/serve/database.h"
#include "forgedit/serve/ids.h"
#include "forgedit/serve/store.h"

namespace forgedit {
namespace {

constexpr double kMicro = 1e6;
constexpr std::int64_t kSpeeds = 5;  // number of speeds of one kind that are kept
constexpr const char* kUploadColumns = "id, content, bytes, file, made, name, width, height, alpha, notes";
constexpr const char* kLearnedColumns = "id, name, pinned, picture, job, made, used, bytes, info";

StoredUpload upload_of(const Statement& row) {
  return {row.text(0), row.text(1),  row.whole(2), row.text(3),       row.whole(4),
          row.text(5), row.whole(6), row.whole(7), row.whole(8) != 0, row.text(9)};
}

StoredPicture picture_of(const Statement& row, int first) {
  return {row.text(first), row.text(first + 1), row.whole(first + 2) != 0, row.whole(first + 3) != 0};
}

StoredLearned learned_of(const Statement& row) {
  return {row.text(0),  row.text(1),  row.whole(2) != 0, row.text(3), row.text(4),
          row.whole(5), row.whole(6), row.whole(7),      row.text(8)};
}

/// A pattern for LIKE ... ESCAPE '\' that matches `text` literally, anywhere in a value.
std::string as_part(const std::string& text) {
  std::string pattern = "%";
  for (const char c : text) {
    if (c == '%' || c == '_' || c == '\\') pattern += '\\';
    pattern += c;
  }
  return pattern + "%";
}

}  // namespace

void Store::add_picture(const std::string& job, const StoredPicture& picture) {
  const std::lock_guard lock(database_->mutex);
  database_->run(
      "INSERT INTO result(job, stem, entry, made) VALUES(?, ?, ?, ?)"
      " ON CONFLICT(job, stem) DO UPDATE SET entry=excluded.entry",
      {job, picture.stem, picture.entry, std::int64_t{now_ms()}});
  database_->run(
      "UPDATE job SET version=version+1, images=(SELECT count(*) FROM result WHERE job=?1"
      " AND json_extract(entry, '$.kind')='edit') WHERE id=?1",
      {job});
}

std::vector<StoredPicture> Store::pictures(const std::string& job) const {
  const std::lock_guard lock(database_->mutex);
  auto row =
      database_->query("SELECT stem, entry, star, hidden FROM result WHERE job=? ORDER BY stem", {job});
  std::vector<StoredPicture> pictures;
  while (row.step()) pictures.push_back(picture_of(row, 0));
  return pictures;
}

std::optional<StoredPicture> Store::picture(const std::string& job, const std::string& stem) const {
  const std::lock_guard lock(database_->mutex);
  auto row =
      database_->query("SELECT stem, entry, star, hidden FROM result WHERE job=? AND stem=?", {job, stem});
  if (!row.step()) return std::nullopt;
  return picture_of(row, 0);
}

bool Store::has_picture(const std::string& job, const std::string& stem) const {
  return picture(job, stem).has_value();
}

bool Store::mark_picture(const std::string& job, const std::string& stem, std::optional<bool> star,
                         std::optional<bool> hidden) {
  const std::lock_guard lock(database_->mutex);
  const auto set = [&](const char* column, std::optional<bool> value) {
    if (!value) return;
    database_->run(std::string("UPDATE result SET ") + column + "=? WHERE job=? AND stem=?",
                   {std::int64_t{*value}, job, stem});
  };
  set("star", star);
  set("hidden", hidden);
  return database_->run(
             "UPDATE job SET version=version+1 WHERE id=? AND EXISTS"
             " (SELECT 1 FROM result WHERE job=? AND stem=?)",
             {job, job, stem}) > 0;
}

std::vector<GalleryPicture> Store::gallery(const GalleryFilter& filter, std::int64_t limit) const {
  const std::lock_guard lock(database_->mutex);
  std::string text =
      "SELECT r.seq, r.job, j.picture, r.made, r.stem, r.entry, r.star, r.hidden, j.kind, j.learned, j.parent"
      " FROM result r JOIN job j ON j.id=r.job WHERE r.hidden=0";
  std::vector<DatabaseValue> values;
  if (filter.star) {
    text += " AND r.star=?";
    values.emplace_back(std::int64_t{*filter.star});
  }
  if (!filter.picture.empty()) {
    text += " AND j.picture=?";
    values.emplace_back(filter.picture);
  }
  if (!filter.target.empty()) {
    text += " AND json_extract(r.entry, '$.target') LIKE ? ESCAPE '\\'";
    values.emplace_back(as_part(filter.target));
  }
  if (filter.before > 0) {
    text += " AND r.seq<?";
    values.emplace_back(filter.before);
  }
  values.emplace_back(limit);
  auto row = database_->query(text + " ORDER BY r.seq DESC LIMIT ?", values);
  std::vector<GalleryPicture> pictures;
  while (row.step()) {
    pictures.push_back({row.whole(0), row.text(1), row.text(2), row.text(8), row.text(9), row.text(10),
                        row.whole(3), picture_of(row, 4)});
  }
  return pictures;
}

void Store::add_upload(const StoredUpload& upload) {
  const std::lock_guard lock(database_->mutex);
  database_->run(
      std::string("INSERT INTO upload(") + kUploadColumns + ") VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      {upload.id, upload.content, upload.bytes, upload.file, upload.made, upload.name, upload.width,
       upload.height, std::int64_t{upload.has_alpha}, upload.notes});
}

std::optional<StoredUpload> Store::upload(const std::string& id) const {
  const std::lock_guard lock(database_->mutex);
  auto row = database_->query(std::string("SELECT ") + kUploadColumns + " FROM upload WHERE id=?", {id});
  if (!row.step()) return std::nullopt;
  return upload_of(row);
}

std::vector<StoredUpload> Store::uploads(const std::string& before, std::int64_t limit) const {
  const std::lock_guard lock(database_->mutex);
  // Ids sort by time.
  auto row = database_->query(
      std::string("SELECT ") + kUploadColumns + " FROM upload WHERE ?1='' OR id<?1 ORDER BY id DESC LIMIT ?2",
      {before, limit});
  std::vector<StoredUpload> uploads;
  while (row.step()) uploads.push_back(upload_of(row));
  return uploads;
}

std::vector<StoredUpload> Store::uploads_like(const std::string& content, std::int64_t bytes) const {
  const std::lock_guard lock(database_->mutex);
  auto row = database_->query(
      std::string("SELECT ") + kUploadColumns + " FROM upload WHERE content=? AND bytes=?", {content, bytes});
  std::vector<StoredUpload> uploads;
  while (row.step()) uploads.push_back(upload_of(row));
  return uploads;
}

void Store::remove_upload(const std::string& id) {
  const std::lock_guard lock(database_->mutex);
  database_->run("DELETE FROM upload WHERE id=?", {id});
}

void Store::add_learned(const StoredLearned& learned) {
  const std::lock_guard lock(database_->mutex);
  database_->run(std::string("INSERT INTO learned(") + kLearnedColumns +
                     ") VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(id) DO UPDATE SET"
                     " used=excluded.used, bytes=excluded.bytes, info=excluded.info",
                 {learned.id, learned.name, std::int64_t{learned.pinned}, learned.picture, learned.job,
                  learned.made, learned.used, learned.bytes, learned.info});
}

std::optional<StoredLearned> Store::learned(const std::string& id) const {
  const std::lock_guard lock(database_->mutex);
  auto row = database_->query(std::string("SELECT ") + kLearnedColumns + " FROM learned WHERE id=?", {id});
  if (!row.step()) return std::nullopt;
  return learned_of(row);
}

std::vector<StoredLearned> Store::all_learned() const {
  const std::lock_guard lock(database_->mutex);
  auto row = database_->query(std::string("SELECT ") + kLearnedColumns +
                              " FROM learned ORDER BY used DESC, id DESC");
  std::vector<StoredLearned> all;
  while (row.step()) all.push_back(learned_of(row));
  return all;
}

bool Store::change_learned(const std::string& id, const std::optional<std::string>& name,
                           std::optional<bool> pinned) {
  const std::lock_guard lock(database_->mutex);
  if (name) database_->run("UPDATE learned SET name=? WHERE id=?", {*name, id});
  if (pinned) database_->run("UPDATE learned SET pinned=? WHERE id=?", {std::int64_t{*pinned}, id});
  return database_->whole("SELECT count(*) FROM learned WHERE id=?", {id}) > 0;
}

void Store::use_learned(const std::string& id) {
  const std::lock_guard lock(database_->mutex);
  database_->run("UPDATE learned SET used=? WHERE id=?", {std::int64_t{now_ms()}, id});
}

void Store::remove_learned(const std::string& id) {
  const std::lock_guard lock(database_->mutex);
  database_->run("DELETE FROM learned WHERE id=?", {id});
}

void Store::add_speed(const StoredSpeed& speed) {
  const std::lock_guard lock(database_->mutex);
  const std::vector<DatabaseValue> kind{speed.machine, speed.work, speed.width, speed.height};
  Database::Transaction both(*database_);
  auto values = kind;
  values.emplace_back(static_cast<std::int64_t>(std::llround(speed.seconds * kMicro)));
  database_->run("INSERT INTO speed(machine, work, width, height, microseconds) VALUES(?, ?, ?, ?, ?)",
                 values);
  values = kind;
  values.emplace_back(kSpeeds);
  database_->run(
      "DELETE FROM speed WHERE machine=?1 AND work=?2 AND width=?3 AND height=?4 AND seq NOT IN (SELECT seq"
      " FROM speed WHERE machine=?1 AND work=?2 AND width=?3 AND height=?4 ORDER BY seq DESC LIMIT ?5)",
      values);
  both.commit();
}

std::vector<StoredSpeed> Store::speeds(const std::string& machine) const {
  const std::lock_guard lock(database_->mutex);
  auto row = database_->query(
      "SELECT work, width, height, microseconds FROM speed WHERE machine=?"
      " ORDER BY work, width, height, microseconds",
      {machine});
  std::vector<StoredSpeed> medians;
  std::vector<double> seconds;  // all speeds of the last entry, sorted
  while (row.step()) {
    const StoredSpeed found{machine, row.text(0), row.whole(1), row.whole(2), 0};
    const bool is_same = !medians.empty() && medians.back().work == found.work &&
                         medians.back().width == found.width && medians.back().height == found.height;
    if (!is_same) {
      medians.push_back(found);
      seconds.clear();
    }
    seconds.push_back(static_cast<double>(row.whole(3)) / kMicro);
    medians.back().seconds = seconds[seconds.size() / 2];
  }
  return medians;
}

}  // namespace forgedit
