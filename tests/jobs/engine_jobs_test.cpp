#include <fstream>
#include <utility>

#include "forgedit/core/files.h"
#include "forgedit/core/json.h"
#include "forgedit/jobs/small_jobs.h"
#include "forgedit/pipelines/records/saved_edit.h"
#include "tests/jobs/job_fixture.h"
#include "tests/support/tiny_captioner.h"
#include "tests/support/tiny_clip.h"

namespace forgedit {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::contains;
using testing::field_of;
using testing::kFirst;
using testing::kSecond;
using testing::message_of;
using testing::RecordingListener;

class EngineJobs : public testing::JobTest {
 protected:
  fs::path captioner() {
    const auto folder = folder_ / "captioner";
    if (!fs::exists(folder)) {
      fs::create_directory(folder);
      testing::write_tiny_captioner(folder);
    }
    return folder;
  }

  /// Runs `job` until `stop_here`, and gives what Cancelled says.
  template <typename StopHere>
  std::string stopped(const EditJob& job, RecordingListener& listener, StopHere stop_here) {
    StopFlag stop;
    listener.on_progress = [&](const JobProgress& progress) {
      if (stop_here(progress)) stop.stop();
    };
    auto engine = this->engine();
    try {
      engine.run(job, stop, listener);
    } catch (const Cancelled& cancelled) {
      return cancelled.what();
    }
    ADD_FAILURE() << "the job was not stopped";
    return {};
  }

  std::string field(const JobRequest& request) {
    auto engine = this->engine();
    RecordingListener listener;
    return field_of([&] { run(engine, request, listener); });
  }

  /// Saves what learning gives, under `name`.
  fs::path learned(const std::string& name) {
    auto request = learn_request();
    request.save = folder_ / name;
    run(request);
    return request.save;
  }
};

TEST_F(EngineJobs, ARunTellsWhichOfTheModelsDefaultsItUses) {
  auto request = tiny_model();
  fs::copy(request.model, folder_ / "model", fs::copy_options::recursive);
  request.model = (folder_ / "model").string();
  write_file_atomically(folder_ / "model/forgedit.json",
                        R"({"format": 1, "learning": {"lr_decay": 0.5}, "sampling": {"guidance_scale": 2}})");
  Engine own(places(), {request});
  RecordingListener told;
  auto job = edit_job("out");
  job.learn.save = folder_ / "learned";
  run(own, job, told);
  EXPECT_EQ(told.notes_with("uses the model's own defaults for learning: lr_decay 0.5"), 1U);
  EXPECT_EQ(told.notes_with("uses the model's own defaults for sampling: guidance_scale 2"), 1U);

  RecordingListener again;
  job.from = std::exchange(job.learn.save, {});
  job.sweep.guidance_scale = 2;
  job.out = folder_ / "again";
  run(own, job, again);
  EXPECT_EQ(again.notes_with("the model's own defaults"), 0U) << "what is not used is not told";
}

TEST_F(EngineJobs, OutsideOfAMaskThePictureStaysAsItIs) {
  auto job = edit_job("plain");
  job.at_source_size = true;
  const auto source = read_image(job.learn.picture);
  Image mask(source.width, source.height, {0, 0, 0});
  for (int y = 0; y < mask.height / 2; ++y) {
    for (int x = 0; x < mask.width; ++x) std::fill_n(mask.at(x, y), 3, 255);
  }
  write_png(folder_ / "mask.png", mask);
  run(job);
  job.mask = folder_ / "mask.png";
  job.out = folder_ / "masked";
  run(job);
  const auto plain = read_image(folder_ / "plain" / (kFirst + ".png"));
  const auto masked = read_image(folder_ / "masked" / (kFirst + ".png"));
  const auto half = masked.pixels.begin() + static_cast<std::ptrdiff_t>(masked.pixels.size() / 2);
  const auto of_source = source.pixels.begin() + static_cast<std::ptrdiff_t>(source.pixels.size() / 2);
  EXPECT_TRUE(std::equal(half, masked.pixels.end(), of_source)) << "black in the mask";
  EXPECT_FALSE(std::equal(masked.pixels.begin(), half, source.pixels.begin())) << "white in the mask";
  EXPECT_EQ(read_image(folder_ / "plain/reconstruction.png").pixels,
            read_image(folder_ / "masked/reconstruction.png").pixels);
  EXPECT_NE(plain.pixels, masked.pixels);
  EXPECT_TRUE(read_json_object(folder_ / "masked/edit.json").at("drawing").contains("mask"));
}

TEST_F(EngineJobs, AMaskThatWouldNotDoIsNamed) {
  auto job = edit_job("out");
  const auto source = read_image(job.learn.picture);
  job.mask = folder_ / "mask.png";
  const auto complaint = [&](const Image& mask) {
    write_png(job.mask, mask);
    return message_of([&] { run(job); });
  };
  EXPECT_TRUE(contains(complaint(Image(source.width, source.height)), "allows changes everywhere"));
  EXPECT_TRUE(contains(complaint(Image(source.width, source.height, {0, 0, 0})), "allows no change"));
  EXPECT_TRUE(contains(complaint(Image(9, 8)), "is 9x8, expected the picture's size"));
  EXPECT_FALSE(fs::exists(folder_ / "out" / (kFirst + ".png")));
}

TEST_F(EngineJobs, AnEditGivesEventsAndFilesInOrder) {
  const auto told = run(edit_job("out"));
  auto events = told.events;
  std::erase(events, "generating");
  EXPECT_EQ(events,
            (std::vector<std::string>{"learning", "ended learning", "learned", "picture reconstruction",
                                      "picture " + kFirst, "picture " + kSecond, "ended generating",
                                      "file sheet.png", "file report.html", "file edit.json"}));
  EXPECT_EQ(told.events[3], "generating");
  EXPECT_TRUE(told.captions.empty()) << "there is a source";
  const auto files = contents(folder_ / "out");
  EXPECT_EQ(files.size(), 6U) << "three pictures, sheet.png, report.html and edit.json";
  const auto record = read_json_object(folder_ / "out/edit.json");
  EXPECT_EQ(record.at("complete"), true);
  EXPECT_EQ(record.at("source"), "a square");
  EXPECT_EQ(record.at("losses").size(), 2U);
  ASSERT_EQ(record.at("pictures").size(), told.entries.size());
  for (std::size_t i = 0; i < told.entries.size(); ++i) {
    for (const auto& [key, value] : told.entries[i].items()) EXPECT_EQ(record["pictures"][i][key], value);
  }
}

TEST_F(EngineJobs, ProgressCountsEveryStage) {
  const auto told = run(edit_job("out"));
  ASSERT_FALSE(told.steps.empty());
  std::int64_t last = 0;
  std::string stage;
  for (const auto& step : told.steps) {
    if (step.stage != stage) last = 0;
    stage = step.stage;
    EXPECT_GE(step.done, last);
    EXPECT_LE(step.done, step.total);
    last = step.done;
    if (stage == "learning" && step.done > 0) {
      EXPECT_GT(step.loss, 0);
    }
  }
  EXPECT_EQ(last, told.steps.back().total);
  EXPECT_GT(told.steps_of("learning"), 0);
}

TEST_F(EngineJobs, TheCaptionComesFirstWhereThereIsNoSource) {
  auto job = edit_job("out");
  job.learn.source.clear();
  job.learn.captioner = captioner().string();
  const auto told = run(job);
  ASSERT_EQ(told.captions.size(), 1U);
  EXPECT_EQ(told.events.front(), "caption");
  EXPECT_EQ(read_json_object(folder_ / "out/edit.json").at("source"), told.captions.front());
}

TEST_F(EngineJobs, ASecondRunKeepsAllAndLearnsNothing) {
  run(edit_job("out"));
  const auto before = contents(folder_ / "out");
  const auto told = run(edit_job("out"));
  EXPECT_EQ(told.steps.size(), 0U);
  EXPECT_EQ(told.notes_with("3 of 3 images were finished before"), 1U);
  EXPECT_EQ(told.events, (std::vector<std::string>{"file sheet.png", "file report.html", "file edit.json"}));
  EXPECT_EQ(contents(folder_ / "out"), before);
}

TEST_F(EngineJobs, StoppedWhileLearningItEndsWithTheSameBytes) {
  run(edit_job("whole"));
  RecordingListener told;
  EXPECT_EQ(stopped(edit_job("out"), told, [](const auto& progress) { return progress.done == 1; }),
            "no image was finished");
  EXPECT_FALSE(told.has("generating"));
  EXPECT_TRUE(contents(folder_ / "out").empty());
  run(edit_job("out"));
  EXPECT_EQ(contents(folder_ / "out"), contents(folder_ / "whole"));
}

TEST_F(EngineJobs, StoppedWhileGeneratingItGoesOnFromWhatIsKept) {
  run(edit_job("whole"));
  RecordingListener told;
  // Two steps and the decoding of the first picture, and the first step of the second one.
  const auto kept = stopped(edit_job("out"), told, [&](const auto& progress) {
    return progress.stage != "learning" && progress.done == 4;
  });
  EXPECT_TRUE(told.has("picture reconstruction"));
  EXPECT_EQ(kept, "1 of 3 images and the learned weights are kept in " + (folder_ / "out").string());
  EXPECT_EQ(read_json_object(folder_ / "out/edit.json").at("complete"), false);
  EXPECT_TRUE(fs::exists(folder_ / "out/sheet.png"));
  EXPECT_TRUE(contains(read_file(folder_ / "out/report.html"), "\"complete\":false"));

  const auto rest = run(edit_job("out"));
  EXPECT_EQ(rest.steps_of("learning"), 0);
  EXPECT_EQ(rest.notes_with("using the saved edit in"), 1U);
  EXPECT_FALSE(rest.has("picture reconstruction"));
  EXPECT_TRUE(rest.has("picture " + kSecond));
  EXPECT_EQ(contents(folder_ / "out"), contents(folder_ / "whole")) << "also without what was kept meanwhile";
}

TEST_F(EngineJobs, StoppedBeforeItBeginsItKeepsNothing) {
  StopFlag stop;
  stop.stop();
  auto engine = this->engine();
  RecordingListener told;
  EXPECT_THROW(engine.run(edit_job("out"), stop, told), Cancelled);
  EXPECT_TRUE(told.steps.empty());
}

TEST_F(EngineJobs, WhatIsSavedServesOtherJobs) {
  auto job = edit_job("out");
  job.learn.save = folder_ / "square.edit";
  run(job);
  EXPECT_TRUE(is_saved_edit(job.learn.save));
  auto from = edit_job("from");
  from.learn = {};
  from.from = job.learn.save;
  const auto told = run(from);
  EXPECT_EQ(told.steps_of("learning"), 0);
  auto whole = contents(folder_ / "out"), again = contents(folder_ / "from");
  EXPECT_EQ(again, whole);
}

TEST_F(EngineJobs, ALearnedPictureIsKeptTheSecondTime) {
  auto request = learn_request();
  request.save = folder_ / "square.edit";
  const auto first = run(request);
  EXPECT_EQ(first.events, (std::vector<std::string>{"learning", "ended learning", "file square.edit",
                                                    "learned square.edit"}));
  const auto before = contents(request.save);
  fs::copy_file(request.picture, folder_ / "other-name.png");
  request.picture = folder_ / "other-name.png";
  const auto second = run(request);
  EXPECT_EQ(second.steps.size(), 0U);
  EXPECT_EQ(second.notes_with("already contains the same picture, learned with the same settings"), 1U);
  EXPECT_EQ(contents(request.save), before);

  request.source = "a ring";
  EXPECT_EQ(field(request), "save");
  EXPECT_EQ(contents(request.save), before);
  request.overwrite = true;
  run(request);
  EXPECT_EQ(read_saved_record(request.save).source, "a ring");
}

TEST_F(EngineJobs, ThePlaceToSaveMayBeChosenOnceAllIsKnown) {
  const auto choose = [&](const PictureToLearn& picture) {
    EXPECT_EQ(picture.source, "a square");
    EXPECT_FALSE(picture.base_fingerprint.empty());
    return folder_ / "kept";
  };
  RecordingListener first, second, third;
  auto engine = this->engine();
  auto job = edit_job("out");
  job.learn.choose_save = choose;
  run(engine, job, first);
  EXPECT_TRUE(first.has("learning"));
  EXPECT_TRUE(first.has("learned kept"));
  EXPECT_FALSE(read_saved_record(folder_ / "kept").source.empty());
  job.out = folder_ / "again";
  run(engine, job, second);
  EXPECT_FALSE(second.has("learning"));
  EXPECT_TRUE(second.has("learned kept"));
  auto learn = learn_request();
  learn.choose_save = choose;
  run(engine, learn, third);
  EXPECT_FALSE(third.has("learning"));
  EXPECT_TRUE(third.has("learned kept")) << "it says where";
}

TEST_F(EngineJobs, LearningIsNotKeptWhereNobodyWantsIt) {
  auto job = edit_job("out");
  job.keep_learning = false;
  RecordingListener told;
  std::vector<std::string> seen;
  const auto kept = stopped(job, told, [&](const auto& progress) {
    for (const auto& name : list_directory(job.out)) seen.push_back(name);
    return progress.stage != "learning" && progress.done == 4;
  });
  EXPECT_EQ(kept, "1 of 3 images are kept in " + job.out.string());
  EXPECT_TRUE(
      std::none_of(seen.begin(), seen.end(), [](const auto& name) { return contains(name, "unfin"); }));
  EXPECT_EQ(contents(job.out).size(), 4U) << "a picture, sheet.png, report.html and edit.json";
  EXPECT_GT(run(job).steps_of("learning"), 0);
  run(edit_job("whole"));
  EXPECT_EQ(contents(job.out), contents(folder_ / "whole"));
}

TEST_F(EngineJobs, AnExportWritesItsFiles) {
  ExportRequest request;
  request.learned = learned("square.edit");
  request.out = folder_ / "square.safetensors";
  request.to = "single-file";
  EXPECT_TRUE(run(request).has("file square.safetensors"));
  EXPECT_GT(fs::file_size(request.out), 1000U);
  EXPECT_TRUE(contains(message_of([&] { run(request); }), "already exists"));
  request.to = "lora";
  request.out = folder_ / "lora.safetensors";
  request.rank = 2;
  EXPECT_EQ(run(request).notes_with("of the whole change"), 1U);
  request.energy = 0.5;
  EXPECT_EQ(field(request), "energy");
  request.energy.reset();
  request.to = "diffusers";
  EXPECT_EQ(field(request), "rank");
  request.to = "onnx";
  EXPECT_EQ(field(request), "to");
  request.to = "lora";
  request.dtype = "int8";
  EXPECT_EQ(field(request), "dtype");
  request.dtype = "fp32";
  request.out = folder_ / "more.safetensors";
  request.forget = "noencodr";
  EXPECT_EQ(field(request), "forget");
}

TEST_F(EngineJobs, ImagicLearnsForATargetAndNoOtherMethodHasOne) {
  LearnRequest request;
  request.picture = folder_ / "square.png";
  request.save = folder_ / "saved.edit";
  request.source = "a square";
  request.target = "a red square";
  EXPECT_EQ(field(request), "target");
  request.options = published_options(LearnMethod::imagic);
  EXPECT_EQ(field(request), "source");
  request.source.clear();
  request.target.clear();
  EXPECT_EQ(field(request), "target") << "it is not the captioner's to say what is wanted";
}

TEST_F(EngineJobs, ResultsNeedAPlace) {
  auto job = edit_job("out");
  job.out.clear();
  EXPECT_EQ(field(job), "out");
}

TEST_F(EngineJobs, ScoresAreOfEachPicture) {
  ScoreRequest request;
  request.original = folder_ / "square.png";
  write_png(folder_ / "grey.png", Image(40, 40, {90, 90, 90}));
  request.edited = {folder_ / "square.png", folder_ / "grey.png"};
  request.target = "a grey square";
  testing::write_tiny_clip(folder_ / "clip");
  request.judge.clip = (folder_ / "clip").string();
  const auto places = this->places();
  RecordingListener told;
  const StopFlag stop;
  JobContext context(places, told, stop);
  WarmModels models(tiny_model(), true);
  const auto scoring = run_score(request, models, context);
  EXPECT_EQ(told.events, (std::vector<std::string>{"scored square.png", "scored grey.png"}));
  EXPECT_EQ(told.entries[0].at("scores").at("ssim"), 1.0);
  EXPECT_EQ(told.notes_with("skipped: LPIPS vgg"), 1U);
  ASSERT_EQ(scoring.pictures.size(), 2U);
  EXPECT_EQ(scoring.pictures[0].name, "square.png");
  EXPECT_DOUBLE_EQ(scoring.pictures[0].scores.at("ssim"), 1.0);
  EXPECT_LT(scoring.pictures[1].scores.at("ssim"), 0.9);
  EXPECT_EQ(scoring.pictures[1].scores.count("clip"), 1U);
  EXPECT_EQ(scoring.skipped.count("lpips_vgg"), 1U);
  EXPECT_EQ(scoring.files.clip, folder_ / "clip");
  EXPECT_FALSE(models.has_model()) << "scores need no model";

  request.target = " ";
  EXPECT_EQ(field(request), "target");
  request.target = "a";
  request.judge.clip = (folder_ / "nowhere").string();
  EXPECT_EQ(field(request), "clip");
  request.judge = {};
  request.judge.lpips = {(folder_ / "nowhere").string()};
  EXPECT_EQ(field(request), "lpips");
}

TEST_F(EngineJobs, CaptionsComeInTheOrderOfThePictures) {
  CaptionRequest request;
  request.captioner = captioner().string();
  write_png(folder_ / "grey.png", Image(40, 40, {90, 90, 90}));
  request.pictures = {folder_ / "square.png", folder_ / "grey.png", folder_ / "square.png"};
  auto engine = this->engine();
  RecordingListener told;
  run(engine, request, told);
  ASSERT_EQ(told.captions.size(), 3U);
  EXPECT_EQ(told.events[1], "captioned grey.png");
  EXPECT_EQ(told.captions[0], told.captions[2]);
  EXPECT_EQ(told.notes_with("captioner "), 1U) << "one load for all of them";
  EXPECT_FALSE(engine.is_loaded());
  EXPECT_FALSE(told.captions[0].empty());
  request.captioner.clear();
  EXPECT_EQ(field(request), "captioner");
}

TEST_F(EngineJobs, AStoryHasItsOwnTargets) {
  auto job = edit_job("out");
  job.targets.clear();
  EXPECT_EQ(field(job), "target");
  job.story = {{"story[0]", R"({"target": "a ring"})", true},
               {"story[1]", R"({"target": "a blue square", "gamma": 0.5})", true}};
  EXPECT_EQ(run(job).entries.size(), 4U);
  job.targets = {"a red square"};
  EXPECT_EQ(field(job), "target");
  job.targets.clear();
  job.story[1].text = R"({"target": "a", "beta": 1})";
  EXPECT_EQ(field(job), "story[1].beta");
  job.story[1].text = R"({"target": "a", "forget": "noencodr"})";
  EXPECT_EQ(field(job), "story[1].forget");
  job.story[1].text = R"({"target": " "})";
  EXPECT_EQ(field(job), "story[1].target");
  job.story[1] = {"story.txt:2", R"({"target": "a", "beta": 1})"};
  EXPECT_EQ(field(job), "") << "a file that is wrong is no setting";
  EXPECT_TRUE(contains(message_of([&] { run(job); }), "story.txt:2: beta: needs interpolation vp"));
}

TEST_F(EngineJobs, WrongSettingsNameTheirKey) {
  const auto wrong = [&](auto change) {
    auto job = edit_job("wrong");
    change(job);
    return field(job);
  };
  EXPECT_EQ(wrong([](auto& job) { job.targets = {" "}; }), "target");
  EXPECT_EQ(wrong([](auto& job) { job.learn.source = " "; }), "source");
  EXPECT_EQ(wrong([](auto& job) { job.learn.source.clear(); }), "source") << "and no captioner";
  EXPECT_EQ(wrong([](auto& job) { job.learn.captioner = "blip"; }), "captioner");
  EXPECT_EQ(wrong([](auto& job) { job.learn.options.samples = 1; }), "samples");
  EXPECT_EQ(wrong([](auto& job) { job.learn.options.embedding_samples = 3; }), "embedding_samples");
  EXPECT_EQ(wrong([](auto& job) { job.learn.options.method = LearnMethod::imagic; }), "source");
  EXPECT_EQ(wrong([](auto& job) {
              job.learn.source.clear();
              job.learn.options.method = LearnMethod::imagic;
            }),
            "embedding_samples");
  EXPECT_EQ(wrong([](auto& job) { job.learn.size = {96, 64}; }), "size");
  EXPECT_EQ(wrong([](auto& job) { job.sweep.forget = {"noencodr"}; }), "forget");
  EXPECT_EQ(wrong([](auto& job) { job.sweep.beta = {1}; }), "beta");
  EXPECT_EQ(wrong([](auto& job) {
              job.out = job.learn.picture.parent_path() / "square.edit/out",
              job.learn.save = job.out.parent_path();
            }),
            "out");
  EXPECT_FALSE(fs::exists(folder_ / "wrong")) << "no folder of results for a request that is wrong";

  const auto wrong_model = [&](auto change) {
    auto model = tiny_model();
    change(model);
    Engine engine(places(), {model});
    RecordingListener told;
    return field_of([&] { run(engine, edit_job("wrong"), told); });
  };
  EXPECT_EQ(wrong_model([](auto& model) { model.device = "tpu"; }), "device");
  EXPECT_EQ(wrong_model([](auto& model) { model.config = model.model; }), "config");
  EXPECT_EQ(wrong_model([](auto& model) { model.memory = 0.01; }), "memory");

  EXPECT_EQ(field(learn_request()), "save");
}

}  // namespace
}  // namespace forgedit
