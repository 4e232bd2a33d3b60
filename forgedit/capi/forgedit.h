#ifndef FORGEDIT_H
#define FORGEDIT_H

/* Forgedit for other programs: an engine that runs requests. Requests, options and events are JSON texts in
 * UTF-8. docs/embedding.md has the options of an engine, docs/requests.md requests and events.
 *
 *   forgedit_engine *engine = forgedit_open(FORGEDIT_API_VERSION, "{\"device\": \"cpu\"}");
 *   int status = forgedit_run(engine, "{\"picture\": \"dog.jpg\", \"target\": \"a cat\", \"out\": \"out\"}",
 *                             on_event, NULL);
 *   if (status != FORGEDIT_OK) fprintf(stderr, "%s\n", forgedit_last_error(engine));
 *   forgedit_close(engine);
 *
 * Threads: an engine is used by one thread at a time, which need not always be the same one; only
 * forgedit_stop may be called meanwhile. Jobs of several engines run one after the other: the number of CPU
 * threads and what makes a GPU's results repeat are settings of the whole process.
 *
 * The library never prints, never exits, sets no signal handlers and reads no environment variables; LibTorch
 * below it reads its own (OMP_WAIT_POLICY, CUDA_VISIBLE_DEVICES and others). No exception leaves a function.
 */

#ifdef __cplusplus
extern "C" {
#endif

/* The version of this header: one more with each change of it. */
#define FORGEDIT_API_VERSION 0

enum forgedit_status {
  FORGEDIT_OK = 0,
  FORGEDIT_FAILURE = 1, /* a file, a device or a value did not allow it */
  FORGEDIT_USAGE = 2,   /* the request asks for something that cannot be */
  FORGEDIT_STOPPED = 3, /* forgedit_stop was called; what is finished is kept */
  FORGEDIT_BUSY = 4     /* the engine runs a job already; forgedit_last_error knows nothing of it */
};

/* A model with what belongs to it, which stays in memory from one job to the next. */
typedef struct forgedit_engine forgedit_engine;

/* Gets each event of a job, in the thread that called forgedit_run. `event` is one JSON object without line
 * breaks, the library's own, and valid until the callback returns. The callback must not throw, and must not
 * call forgedit_close with its engine. */
typedef void (*forgedit_callback)(const char* event, void* user_data);

/* The version of the library for people: "forgedit 1.2.3". Valid for ever. */
const char* forgedit_version(void);

/* FORGEDIT_API_VERSION of the library. */
int forgedit_api_version(void);

/* Makes an engine. `api_version` is the caller's FORGEDIT_API_VERSION: a library that is too old or too new
 * for it says so. `options` is a JSON object; NULL means none: the miniature model, on a GPU where there is
 * one. Checks that there are such a model and device; the model itself is loaded by the first job that needs
 * it. NULL where that failed: forgedit_last_error(NULL) says why. */
forgedit_engine* forgedit_open(int api_version, const char* options);

/* Gives all memory back. No job may be running. NULL is allowed. */
void forgedit_close(forgedit_engine* engine);

/* Runs a request to its end, and gives a forgedit_status. Relative paths start at the working folder of the
 * process. `callback` may be NULL; `user_data` is handed to it. The last event is "done", "cancelled" or
 * "failed". */
int forgedit_run(forgedit_engine* engine, const char* request, forgedit_callback callback, void* user_data);

/* Asks the job that runs to end soon: forgedit_run then gives FORGEDIT_STOPPED. A job can be stopped from its
 * first event on ("started"); without a job nothing happens. Any thread, the callback and signal handlers may
 * call it. */
void forgedit_stop(forgedit_engine* engine);

/* Why the last forgedit_run of this engine did not give FORGEDIT_OK, in one line that begins with the key of
 * the request that is wrong, where it is one ("gamma: ..."); with NULL, why the last forgedit_open of this
 * thread gave NULL. Empty where all went well. Valid until the next call with the same engine, or of
 * forgedit_open. */
const char* forgedit_last_error(const forgedit_engine* engine);

#ifdef __cplusplus
}
#endif

#endif
