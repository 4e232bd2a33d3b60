#include "forgedit/serve/openai_form.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "forgedit/serve/http.h"

namespace forgedit {
namespace {

using nlohmann::json;
using Texts = std::vector<std::pair<std::string, std::string>>;

constexpr const char* kFormType = "multipart/form-data; boundary=XX";

std::string form(const Texts& texts, int pictures = 1, const std::string& field = "image") {
  std::string body;
  const auto add = [&](const std::string& head, const std::string& content) {
    body += "--XX\r\nContent-Disposition: form-data; name=" + head + "\r\n\r\n" + content + "\r\n";
  };
  for (int i = 0; i < pictures; ++i) add("\"" + field + "\"; filename=\"a.png\"", "PNG");
  for (const auto& [name, text] : texts) add("\"" + name + "\"", text);
  return body + "--XX--\r\n";
}

/// The field that a refusal names.
std::string refused(const std::string& body) {
  try {
    read_openai_edit(kFormType, body);
  } catch (const HttpError& error) {
    EXPECT_EQ(error.status(), 400);
    return error.param();
  }
  return "none";
}

TEST(OpenAiForm, BecomesARequest) {
  const auto body = form({{"prompt", "a dog jumping"},
                          {"n", "3"},
                          {"user", "me"},
                          {"size", "auto"},
                          {"stream", "false"},
                          {"quality", "auto"}});
  const auto edit = read_openai_edit(kFormType, body);
  EXPECT_EQ(edit.picture, "PNG");
  EXPECT_EQ(edit.picture_name, "a.png");
  EXPECT_EQ(edit.count, 3);
  EXPECT_FALSE(edit.as_address);
  EXPECT_EQ(
      json::parse(edit.request),
      (json{{"kind", "edit"}, {"target", "a dog jumping"}, {"seeds", 0}, {"auto", {{"pictures", 12}}}}));
}

TEST(OpenAiForm, HasFieldsOfOurs) {
  const auto body = form({{"prompt", "a"},
                          {"source", "b"},
                          {"forget", "noencoder"},
                          {"gamma", "0.8"},
                          {"seed", "7"},
                          {"method", "imagic"},
                          {"size", "512x384"},
                          {"model", "m"},
                          {"n", "2"},
                          {"response_format", "url"}},
                         1, "image[]");
  const auto edit = read_openai_edit(kFormType, body);
  EXPECT_TRUE(edit.as_address);
  EXPECT_EQ(edit.model, "m");
  EXPECT_EQ(json::parse(edit.request), (json{{"kind", "edit"},
                                             {"target", "a"},
                                             {"source", "b"},
                                             {"forget", "noencoder"},
                                             {"method", "imagic"},
                                             {"size", "512x384"},
                                             {"seeds", 7},
                                             {"gamma", 0.8},
                                             {"repeat", 2}}));
  EXPECT_EQ(json::parse(read_openai_edit(kFormType, form({{"prompt", "a"}, {"auto_pictures", "20"}}))
                            .request)["auto"]["pictures"],
            20);
}

TEST(OpenAiForm, WhatIsNotDoneIsNamed) {
  const Texts prompt{{"prompt", "a"}};
  const auto with = [&](const std::string& name, const std::string& text) {
    auto texts = prompt;
    texts.emplace_back(name, text);
    return refused(form(texts));
  };
  for (const auto& [name, text] : Texts{{"mask", ""},
                                        {"stream", "true"},
                                        {"partial_images", "2"},
                                        {"output_format", "webp"},
                                        {"background", "transparent"},
                                        {"quality", "high"},
                                        {"n", "0"},
                                        {"n", "11"},
                                        {"n", "1.5"},
                                        {"n", "99999999999999999999"},
                                        {"response_format", "text"},
                                        {"seed", "-1"},
                                        {"gamma", "0.8,1"},
                                        {"gamma", "[1]"},
                                        {"auto_pictures", "201"},
                                        {"input_fidelity", "high"},
                                        {"prompt", "again"}}) {
    EXPECT_EQ(with(name, text), name) << text;
  }
  EXPECT_EQ(refused(form({})), "prompt");
  EXPECT_EQ(refused(form({{"prompt", " "}})), "prompt");
  EXPECT_EQ(refused(form(prompt, 0)), "image");
  EXPECT_EQ(refused(form(prompt, 2)), "image");
  EXPECT_EQ(refused(form({{"prompt", "a"}, {"gamma", "1"}, {"auto_pictures", "9"}})), "auto_pictures");
  EXPECT_EQ(openai_field("targets"), "prompt");
  EXPECT_EQ(openai_field("auto.pictures"), "auto_pictures");
  EXPECT_EQ(openai_field("source"), "source");
}

}  // namespace
}  // namespace forgedit
