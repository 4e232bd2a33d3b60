#include "forgedit/io/weights/safetensors.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "forgedit/core/error.h"
#include "forgedit/core/files.h"
#include "forgedit/core/torch.h"
#include "forgedit/io/weights/float8.h"

namespace forgedit {
namespace {

using nlohmann::json;

constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;  // the reference implementation's limit
constexpr std::size_t kMaxDimensions = 8;
/// Bytes to write between two checks of the stop flag, because a slow disk takes long for a large tensor.
constexpr std::size_t kWriteAtOnce = std::size_t{8} << 20;

struct DtypeName {
  const char* name;
  at::ScalarType type;
  std::optional<Float8> narrow = {};  ///< stored in bytes, converted to float16
};
constexpr std::array kDtypes{DtypeName{"F64", at::kDouble},
                             DtypeName{"F32", at::kFloat},
                             DtypeName{"F16", at::kHalf},
                             DtypeName{"BF16", at::kBFloat16},
                             DtypeName{"I64", at::kLong},
                             DtypeName{"I32", at::kInt},
                             DtypeName{"I16", at::kShort},
                             DtypeName{"I8", at::kChar},
                             DtypeName{"U8", at::kByte},
                             DtypeName{"BOOL", at::kBool},
                             DtypeName{"F8_E4M3", at::kByte, Float8::e4m3},
                             DtypeName{"F8_E5M2", at::kByte, Float8::e5m2}};

struct TensorEntry : TensorPlace {
  const DtypeName* dtype = nullptr;
};

/// Parses one entry. Its begin and end are relative to the start of the data.
TensorEntry parse_entry(const std::string& origin, const std::string& name, const json& entry) {
  const auto reject = [&](const std::string& what) { throw failure(origin + ": " + name + ": " + what); };
  const bool complete = entry.is_object() && entry.contains("dtype") && entry["dtype"].is_string() &&
                        entry.contains("shape") && entry["shape"].is_array() &&
                        entry.contains("data_offsets") && entry["data_offsets"].is_array() &&
                        entry["data_offsets"].size() == 2;
  if (!complete) reject("expected dtype, shape and data_offsets in the header");
  TensorEntry result;
  result.name = name;
  const auto dtype = entry["dtype"].get<std::string>();
  const auto* found = std::find_if(kDtypes.begin(), kDtypes.end(), [&](auto& d) { return dtype == d.name; });
  if (found == kDtypes.end()) reject("unknown dtype '" + dtype.substr(0, 32) + "', which is not supported");
  result.dtype = found;
  result.type = found->type;
  if (entry["shape"].size() > kMaxDimensions) reject("more than 8 dimensions");
  // Strides are products too, so dimensions beside a zero must not overflow either.
  std::int64_t bytes_without_zeros = static_cast<std::int64_t>(c10::elementSize(found->type));
  bool empty = false;
  for (const auto& side : entry["shape"]) {
    if (!side.is_number_unsigned()) reject("shape: expected non-negative integers");
    const auto value = side.get<std::uint64_t>();
    empty = empty || value == 0;
    if (value > 0 && __builtin_mul_overflow(bytes_without_zeros, value, &bytes_without_zeros)) {
      reject("shape: too large");
    }
    result.shape.push_back(static_cast<std::int64_t>(value));
  }
  const auto bytes = empty ? std::uint64_t{0} : static_cast<std::uint64_t>(bytes_without_zeros);
  for (const auto& offset : entry["data_offsets"]) {
    if (!offset.is_number_unsigned()) reject("data_offsets: expected non-negative integers");
  }
  result.begin = entry["data_offsets"][0].get<std::uint64_t>();
  result.end = entry["data_offsets"][1].get<std::uint64_t>();
  if (result.end < result.begin || result.end - result.begin != bytes) {
    reject("shape " + shape_text(result.shape) + " of " + dtype + " needs " + std::to_string(bytes) +
           " bytes, data_offsets are [" + std::to_string(result.begin) + ", " + std::to_string(result.end) +
           "]");
  }
  return result;
}

/// Parses the header as an object with unique tensor names; a JSON parser alone would keep the last
/// duplicate.
json parse_header(const std::string& origin, std::string_view text) {
  std::set<std::string> names;
  const auto check = [&](int depth, json::parse_event_t event, json& parsed) {
    if (event == json::parse_event_t::key && depth == 1 && !names.insert(parsed.get<std::string>()).second) {
      throw failure(origin + ": " + parsed.get<std::string>() + ": twice in the header");
    }
    return true;
  };
  auto header = json::parse(text.begin(), text.end(), check, false);
  if (header.is_discarded() || !header.is_object()) {
    throw failure(origin + ": the header is not a JSON object");
  }
  return header;
}

/// The offsets must tile the data exactly, as the format demands: no overlaps, no gaps, no bytes left over.
void check_tiling(const std::string& origin, std::vector<TensorEntry>& entries, std::uint64_t data_bytes) {
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  std::uint64_t position = 0;
  for (const auto& entry : entries) {
    if (entry.begin != position) {
      throw failure(origin + ": " + entry.name + ": data_offsets " +
                    (entry.begin < position ? "overlap the tensor before" : "leave a gap") + " (expected " +
                    std::to_string(position) + ", found " + std::to_string(entry.begin) + ")");
    }
    position = entry.end;
  }
  if (position != data_bytes) {
    throw failure(origin + ": " + (position > data_bytes ? "truncated: " : "") + "the header describes " +
                  std::to_string(position) + " bytes of tensors, the file holds " +
                  std::to_string(data_bytes));
  }
}

}  // namespace

Safetensors read_safetensors(const std::filesystem::path& path, const TensorFilter& wanted) {
  const WeightsInput file(path);
  const auto& origin = file.origin();
  if (file.size() < 8) {
    throw failure(origin + ": truncated: " + std::to_string(file.size()) + " bytes are no safetensors file");
  }
  std::uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, file.read(0, 8).data(), 8);
  if (header_bytes > kMaxHeaderBytes) {
    throw failure(origin + ": header length " + std::to_string(header_bytes) +
                  " is over the limit of 100000000 bytes: not a safetensors file");
  }
  if (header_bytes > file.size() - 8) {
    throw failure(origin + ": truncated: header of " + std::to_string(header_bytes) + " bytes in a file of " +
                  std::to_string(file.size()));
  }
  const auto header = parse_header(origin, file.read(8, header_bytes));

  Safetensors result;
  std::vector<TensorEntry> entries;
  for (const auto& [name, value] : header.items()) {
    if (name == "__metadata__") {
      if (!value.is_object()) throw failure(origin + ": __metadata__: expected an object");
      for (const auto& [key, text] : value.items()) {
        if (!text.is_string()) throw failure(origin + ": __metadata__: " + key + ": expected a string");
        result.metadata[key] = text.get<std::string>();
      }
    } else {
      entries.push_back(parse_entry(origin, name, value));
    }
  }
  check_tiling(origin, entries, file.size() - 8 - header_bytes);
  std::vector<TensorPlace> places;
  for (auto& entry : entries) {
    entry.begin += 8 + header_bytes;
    entry.end += 8 + header_bytes;
    places.push_back(entry);
  }
  result.tensors = read_tensors(file, places, wanted);
  for (const auto& entry : entries) {
    if (!entry.dtype->narrow) continue;
    auto& tensor = result.tensors[entry.name];
    tensor = tensor.is_meta() ? torch::empty_like(tensor, torch::kHalf)
                              : widen_float8(tensor, *entry.dtype->narrow);
    result.widened[entry.name] = entry.dtype->name;
  }
  return result;
}

void write_safetensors(const std::filesystem::path& path, const StateDict& tensors,
                       const std::map<std::string, std::string>& metadata, const StopFlag* stop) {
  json header = json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::uint64_t offset = 0;
  for (const auto& [name, tensor] : tensors) {
    const auto type = tensor.scalar_type();
    const auto* dtype = std::find_if(kDtypes.begin(), kDtypes.end(), [&](auto& d) { return d.type == type; });
    if (dtype == kDtypes.end()) throw failure(path.string() + ": " + name + ": dtype cannot be stored");
    header[name] = {{"dtype", dtype->name},
                    {"shape", tensor.sizes().vec()},
                    {"data_offsets", {offset, offset + tensor.nbytes()}}};
    offset += tensor.nbytes();
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // aligns the tensors in a memory map
  AtomicFile file(path);
  const std::uint64_t length = text.size();
  file.write(&length, sizeof length);
  file.write(text.data(), text.size());
  for (const auto& [name, tensor] : tensors) {
    const auto plain = tensor.detach().to(at::kCPU).contiguous();
    const auto* data = static_cast<const char*>(plain.data_ptr());
    for (std::size_t first = 0; first < plain.nbytes(); first += kWriteAtOnce) {
      if (stop) stop->throw_if_stopped();
      file.write(data + first, std::min(kWriteAtOnce, plain.nbytes() - first));
    }
  }
  file.commit(Flush::no);
}

}  // namespace forgedit
