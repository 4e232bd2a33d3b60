
#include <cstring>
#include <fstream>

#include "forgedit/core/files.h"
#include "forgedit/core/torch.h"
#include "forgedit/io/weights/safetensors.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

using testing::contains;
using testing::message_of;

class SafetensorsDamage : public testing::TemporaryFolder {
 protected:
  std::string refuse(const std::string& bytes) {
    write_file_atomically(path_, bytes);
    const auto message = message_of([&] { read_safetensors(path_); });
    EXPECT_TRUE(contains(message, path_.filename().string())) << message;
    EXPECT_FALSE(contains(message, "\n")) << message;
    return message;
  }
  const std::filesystem::path path_ = folder_ / "weights.safetensors";
};

std::string with_length(std::uint64_t length, const std::string& rest) {
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes + rest;
}

std::string file_of(const std::string& header, std::size_t data_bytes) {
  return with_length(header.size(), header + std::string(data_bytes, '\0'));
}

std::string entry(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
}

TEST_F(SafetensorsDamage, TruncatedAtEveryByte) {
  write_safetensors(path_, {{"a", torch::ones({3})}, {"b.weight", torch::zeros({2, 2})}}, {{"k", "v"}});
  const auto whole = read_file(path_);
  for (std::size_t size = 0; size < whole.size(); ++size) refuse(whole.substr(0, size));
  refuse(whole + '\0');
}

TEST_F(SafetensorsDamage, EveryByteOfTheHeaderChanged) {
  write_safetensors(path_, {{"a", torch::ones({3})}});
  const auto whole = read_file(path_);
  for (std::size_t i = 0; i < whole.size() - 12; ++i) {
    for (const char byte : {'\0', '\x7f', '\xff', '"', '9', '{'}) {
      auto damaged = whole;
      damaged[i] = byte;
      write_file_atomically(path_, damaged);
      try {
        read_safetensors(path_);  // some changes give another valid file
      } catch (const Error& error) {
        EXPECT_TRUE(contains(error.what(), path_.filename().string())) << error.what();
      }
    }
  }
}

TEST_F(SafetensorsDamage, HeaderLength) {
  for (const std::uint64_t length : {std::uint64_t{100'000'001}, std::uint64_t{1} << 63, UINT64_MAX}) {
    EXPECT_TRUE(contains(refuse(with_length(length, "{}")), "header length"));
  }
  EXPECT_TRUE(contains(refuse(with_length(3, "{}")), "truncated"));
}

TEST_F(SafetensorsDamage, HeaderText) {
  for (const char* header :
       {"", " ", "[]", "1", "null", "{", "{}}", "{\"a\"}", "\xff\xfe{}", "{\"\xff\":1}"}) {
    EXPECT_TRUE(contains(refuse(file_of(header, 0)), "JSON")) << header;
  }
  refuse(file_of(std::string(100'000, '['), 0));
  refuse(file_of(std::string(R"({"__metadata__":)") + "3}", 0));
  refuse(file_of(R"({"__metadata__":{"a":3}})", 0));
}

struct DamagedSafetensors {
  const char* what;
  std::string entry;
  std::size_t data_bytes;
};

TEST_F(SafetensorsDamage, EntriesNameTheirKey) {
  const DamagedSafetensors rows[] = {
      {"not an object", "3", 0},
      {"no dtype", R"({"shape":[1],"data_offsets":[0,4]})", 4},
      {"no shape", R"({"dtype":"F32","data_offsets":[0,4]})", 4},
      {"no offsets", R"({"dtype":"F32","shape":[1]})", 4},
      {"dtype is a number", R"({"dtype":3,"shape":[1],"data_offsets":[0,4]})", 4},
      {"unknown dtype", entry("F8_E8M0", "[4]", "[0,4]"), 4},
      {"wrong dtype", entry("F64", "[1]", "[0,4]"), 4},
      {"wrong shape", entry("F32", "[2]", "[0,4]"), 4},
      {"negative side", entry("F32", "[-1]", "[0,4]"), 4},
      {"two negative sides", entry("F32", "[-1,-1]", "[0,4]"), 4},
      {"fractional side", entry("F32", "[1.0]", "[0,4]"), 4},
      {"side as text", entry("F32", "[\"1\"]", "[0,4]"), 4},
      {"product wraps to 4", entry("U8", "[4611686018427387905,4]", "[0,4]"), 4},
      {"product wraps to 0", entry("F32", "[4294967296,4294967296]", "[0,0]"), 0},
      {"side over 63 bits", entry("U8", "[18446744073709551615]", "[0,4]"), 4},
      {"zero among huge sides", entry("F32", "[0,4611686018427387904,4611686018427387904]", "[0,0]"), 0},
      {"nine dimensions", entry("F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]"), 4},
      {"negative offset", entry("F32", "[1]", "[-4,0]"), 4},
      {"reversed offsets", entry("F32", "[1]", "[4,0]"), 4},
      {"three offsets", entry("F32", "[1]", "[0,2,4]"), 4},
      {"offset as text", entry("F32", "[1]", "[\"0\",4]"), 4},
      {"starts late", entry("F32", "[1]", "[4,8]"), 8},
      {"offset at the 64-bit end", entry("F32", "[1]", "[18446744073709551612,18446744073709551615]"), 4},
  };
  for (const auto& row : rows) {
    const auto message = refuse(file_of(R"({"block.0.weight":)" + row.entry + "}", row.data_bytes));
    EXPECT_TRUE(contains(message, "block.0.weight")) << row.what << ": " << message;
  }
}

TEST_F(SafetensorsDamage, TensorsMustTileTheData) {
  const auto two = [](const char* first, const char* second) {
    return R"({"a":)" + entry("F32", "[2]", first) + R"(,"b":)" + entry("F32", "[2]", second) + "}";
  };
  EXPECT_TRUE(contains(refuse(file_of(two("[0,8]", "[4,12]"), 12)), "b: data_offsets overlap"));
  EXPECT_TRUE(contains(refuse(file_of(two("[0,8]", "[0,8]"), 8)), "overlap"));
  EXPECT_TRUE(contains(refuse(file_of(two("[0,8]", "[12,20]"), 20)), "b: data_offsets leave a gap"));
  EXPECT_TRUE(contains(refuse(file_of(two("[0,8]", "[8,16]"), 15)), "truncated"));
  EXPECT_TRUE(contains(refuse(file_of(two("[0,8]", "[8,16]"), 17)), "describes 16 bytes"));
}

TEST_F(SafetensorsDamage, DuplicateNames) {
  const auto same = entry("F32", "[1]", "[0,4]");
  EXPECT_TRUE(contains(refuse(file_of(R"({"twice":)" + same + R"(,"twice":)" + same + "}", 4)), "twice"));
}

TEST_F(SafetensorsDamage, NotWeightsAtAll) {
  const auto pointer =
      refuse("version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 3438167536\n");
  EXPECT_TRUE(contains(pointer, "git lfs pull"));
  refuse("");
  refuse("<!DOCTYPE html><html><body>404</body></html>");
  const auto directory = folder_ / "directory.safetensors";
  std::filesystem::create_directories(directory);
  EXPECT_TRUE(contains(message_of([&] { read_safetensors(directory); }), "directory.safetensors"));
  EXPECT_TRUE(contains(message_of([&] { read_safetensors(folder_ / "none"); }), "no such file"));
  EXPECT_TRUE(contains(message_of([&] { read_safetensors("/dev/null"); }), "expected a file"));
}

}  // namespace
}  // namespace forgedit
