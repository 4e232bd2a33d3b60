#include "forgedit/jobs/text_values.h"

#include <gtest/gtest.h>

#include <clocale>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "forgedit/core/error.h"
#include "forgedit/core/json_text.h"
#include "tests/support/temporary_folder.h"

namespace forgedit {
namespace {

std::string complaint_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    return error.field() + ": " + error.what();
  }
  return "no error";
}

TEST(Lists, ReadsNumbers) {
  EXPECT_EQ(parse_numbers("gamma", "0.8"), (std::vector<double>{0.8}));
  EXPECT_EQ(parse_numbers("gamma", "0.8, 1,-0.5"), (std::vector<double>{0.8, 1.0, -0.5}));
}

TEST(Lists, RangesHoldBothEnds) {
  const auto published = parse_numbers("gamma", "0.0:1.6:0.1");
  ASSERT_EQ(published.size(), 17U);
  // Exactly the decimal numbers: they go into file names and records.
  EXPECT_EQ(published[3], 0.3);
  EXPECT_EQ(published.back(), 1.6);
  EXPECT_EQ(parse_numbers("beta", "1:3"), (std::vector<double>{1, 2, 3}));
  EXPECT_EQ(parse_numbers("beta", "0.7:0.7:0.1"), (std::vector<double>{0.7}));
  EXPECT_EQ(parse_numbers("beta", "-0.2:0.2:0.2"), (std::vector<double>{-0.2, 0, 0.2}));
  EXPECT_EQ(parse_numbers("beta", "0:1:0.5,1.2"), (std::vector<double>{0, 0.5, 1, 1.2}));
}

TEST(Lists, RefusesWhatIsNoListOfNumbers) {
  for (const char* text :
       {"",        ",",         "1,",    "a",        "1.5x",    "nan",          "inf",
        "1e400",   "1e7",       "0:1:0", "0:1:-0.1", "1:0:0.1", "1.6:0.0:-0.1", "0:1:0.3",
        "0:1:nan", "0:1:0.1:2", "::",    "0:",       "0:1:",    "0:1:0.000001", "0:2000"}) {
    EXPECT_THROW(parse_numbers("gamma", text), Error) << text;
  }
  EXPECT_EQ(complaint_of([] { parse_numbers("gamma", "0:1:0"); }),
            "gamma: expected FIRST <= LAST and a STEP over 0, got '0:1:0'");
}

TEST(Lists, ReadsSeeds) {
  EXPECT_EQ(parse_seeds("seeds", "0,7"), (std::vector<std::uint64_t>{0, 7}));
  EXPECT_EQ(parse_seeds("seeds", "3:5,9"), (std::vector<std::uint64_t>{3, 4, 5, 9}));
  EXPECT_EQ(parse_seeds("seeds", "0:10:5"), (std::vector<std::uint64_t>{0, 5, 10}));
  EXPECT_EQ(parse_seeds("seeds", "9223372036854775807"), (std::vector<std::uint64_t>{INT64_MAX}));
  for (const char* text : {"", "-1", "0.5", "9223372036854775808", "5:3", "0:5:0", "0:5:2", "0:1000"}) {
    EXPECT_THROW(parse_seeds("seeds", text), Error) << text;
  }
}

TEST(Lists, ReadsWords) {
  EXPECT_EQ(parse_words("forget", "noencoder, decoderattn+decoder2"),
            (std::vector<std::string>{"noencoder", "decoderattn+decoder2"}));
  EXPECT_THROW(parse_words("forget", ""), Error);
  EXPECT_THROW(parse_words("forget", "noencoder,,orig"), Error);
}

TEST(Lists, ReadsSizes) {
  EXPECT_EQ(parse_size("size", "512x384"), (std::pair{512, 384}));
  EXPECT_EQ(parse_size("size", "512"), (std::pair{512, 512}));
  for (const char* text :
       {"", "0", "512 ", "512x", "x512", "0x0", "-8x8", "512x512x3", "512X512", "5000x512"}) {
    EXPECT_THROW(parse_size("size", text), Error) << text;
  }
}

TEST(Lists, ReadsRegions) {
  EXPECT_EQ(parse_region("region", "0,20,16,300"), (Region{0, 20, 16, 300}));
  for (const char* text : {"", "1,2,30", "1,2,30,40,5", "1,2,30,x", "-1,2,30,40", "1,2,15,40", "1,2,30,1.5",
                           "1, 2,30,40", "1,2,30,99999999999"}) {
    EXPECT_THROW(parse_region("region", text), Error) << text;
  }
  EXPECT_EQ(
      complaint_of([] { parse_region("region", "1,2,3,4"); }),
      "region: expected X,Y,WIDTH,HEIGHT in pixels of the picture: X and Y from 0, sides of at least 16, "
      "got '1,2,3,4'");
}

TEST(Lists, ReadsMemory) {
  for (const char* text : {"8", "8GB", "8GiB", "8 gib", "8g", " 8.0 GB ", "8192MB", "8192 MiB"}) {
    EXPECT_EQ(parse_gib("memory", text), 8) << text;
  }
  EXPECT_EQ(parse_gib("memory", "0.5"), 0.5);
  for (const char* text : {"", "GB", "8TB", "8GBx", "-8", "0", "nan", "inf", "8,5", "1e6", "8 8"}) {
    EXPECT_THROW(parse_gib("memory", text), Error) << text;
  }
  EXPECT_EQ(complaint_of([] { parse_gib("memory", "lots"); }),
            "memory: expected GiB from 0.01 to 100000, such as 8, 8GB or 6000MiB, got 'lots'");
}

TEST(Lists, QuotesLittleOfALongValue) {
  const std::string value(100'000, 'x');
  for (const auto& message : {complaint_of([&] { parse_numbers("gamma", value); }),
                              complaint_of([&] { parse_size("size", value); }), within(0, 1)(value)}) {
    EXPECT_LT(message.size(), 300U);
  }
}

TEST(Lists, ReadsColours) {
  using Colour = std::array<std::uint8_t, 3>;
  EXPECT_EQ(parse_colour("background", "white"), (Colour{255, 255, 255}));
  EXPECT_EQ(parse_colour("background", "#0a1Bff"), (Colour{10, 27, 255}));
  EXPECT_EQ(parse_colour("background", "f80"), (Colour{255, 136, 0}));
  for (const char* text : {"", "#", "#12", "#12345g", "+1+2+3", "purplish"}) {
    EXPECT_THROW(parse_colour("background", text), Error) << text;
  }
}

TEST(Lists, ChecksNumbersOfOptions) {
  const auto check = within(0, 1);
  EXPECT_EQ(check("0"), "");
  EXPECT_EQ(check("1"), "");
  EXPECT_EQ(check("1.5"), "expected a number from 0 to 1, got '1.5'");
  EXPECT_EQ(either("all", "best")("best"), "");
  EXPECT_EQ(either("all", "best")("bester"), "expected all or best, got 'bester'");
  EXPECT_EQ(within(0.01, 1e5)("x"), "expected a number from 0.01 to 100000, got 'x'");
  EXPECT_EQ(within(0, 9e18)("x"), "expected a number from 0 to 9000000000000000000, got 'x'");
  EXPECT_EQ(within(0, 1e6, "GiB")("5TB"), "expected a number of GiB from 0 to 1000000, got '5TB'");
  EXPECT_NE(check("nan"), "");
  EXPECT_NE(check("half"), "");
}

TEST(TextValues, LoraFilesAndTheirStrengths) {
  const auto read = [](const std::string& text) {
    const auto lora = parse_lora("lora", text);
    return std::pair(lora.path.string(), lora.scale);
  };
  EXPECT_EQ(read("a/style.safetensors"), (std::pair<std::string, double>("a/style.safetensors", 1)));
  EXPECT_EQ(read("style.safetensors:-0.5"), (std::pair<std::string, double>("style.safetensors", -0.5)));
  for (const char* wrong : {"style.safetensors:", "style.safetensors:strong", ":1", "a:1e9", "a:nan"}) {
    EXPECT_EQ(testing::field_of([&] { parse_lora("lora", wrong); }), "lora") << wrong;
  }
  const auto odd = std::filesystem::path(::testing::TempDir()) / "style:0.5";
  write_file_atomically(odd, "");
  EXPECT_EQ(read(odd.string()), (std::pair<std::string, double>(odd.string(), 1))) << "it is there";
  std::filesystem::remove(odd);
}

/// The locale of a program around the library: ours sets none.
class GermanLocale : public testing::TemporaryFolder {
 protected:
  void SetUp() override {
    const auto made = "localedef -i de_DE -f UTF-8 " + (folder_ / "de_DE.UTF-8").string() + " 2>/dev/null";
    if (std::system(made.c_str()) != 0) GTEST_SKIP() << "a German locale cannot be made here";
    ::setenv("LOCPATH", folder_.c_str(), 1);
    ASSERT_TRUE(std::setlocale(LC_ALL, "de_DE.UTF-8"));
  }
  void TearDown() override {
    std::setlocale(LC_ALL, "C");
    ::unsetenv("LOCPATH");
  }
};

TEST_F(GermanLocale, NumbersHavePoints) {
  EXPECT_EQ(std::string(std::localeconv()->decimal_point), ",");
  EXPECT_EQ(parse_numbers("gamma", "0.8,1.25"), (std::vector<double>{0.8, 1.25}));
  EXPECT_EQ(parse_gib("memory", "7.5GB"), 7.5);
  EXPECT_EQ(within(0, 1)("0.5"), "");
  const auto read = nlohmann::json::parse(R"({"gamma": 0.85})");
  EXPECT_EQ(read.at("gamma"), 0.85);
  EXPECT_EQ(json_text(read), R"({"gamma":0.85})");
}

}  // namespace
}  // namespace forgedit
