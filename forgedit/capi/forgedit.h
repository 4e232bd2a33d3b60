#ifndef FORGEDIT_H
#define FORGEDIT_H

/* Forgedit as a library: an engine holds a model in memory and runs requests with it. Requests, options and
 * events are JSON texts in UTF-8. docs/embedding.md lists the options of an engine, docs/requests.md the
 * requests and events.
 *
 *   forgedit_engine *engine = forgedit_open(FORGEDIT_API_VERSION, "{\"device\": \"cpu\"}");
 *   int status = forgedit_run(engine, "{\"picture\": \"dog.jpg\", \"target\": \"a cat\", \"out\": \"out\"}",
 *                             on_event, NULL);
 *   if (status != FORGEDIT_OK) fprintf(stderr, "%s\n", forgedit_last_error(engine));
 *   forgedit_close(engine);
 *
 * Threads: use an engine from one thread at a time; it may be a different thread each time. Only
 * forgedit_stop may be called while another call with the same engine runs. Jobs of several engines run one
 * after the other, because the number of CPU threads and the settings for reproducible GPU results belong to
 * the whole process.
 *
 * The library never prints, never exits, sets no signal handlers and reads no environment variables.
 * LibTorch, which it links, does read some (OMP_WAIT_POLICY, CUDA_VISIBLE_DEVICES and others). No function
 * throws.
 */

#ifdef __cplusplus
extern "C" {
#endif

/* The version of this header. Each change of the header increases it by one. */
#define FORGEDIT_API_VERSION 0

enum forgedit_status {
  FORGEDIT_OK = 0,
  FORGEDIT_FAILURE = 1, /* the job failed because of a file, a device or a value */
  FORGEDIT_USAGE = 2,   /* the request is invalid, or the engine is NULL */
  FORGEDIT_STOPPED = 3, /* forgedit_stop was called; finished results are kept */
  FORGEDIT_BUSY = 4     /* the engine is already running a job; forgedit_last_error does not report this */
};

/* One model on one device. The model and the most recent learned weights stay in memory between jobs. */
typedef struct forgedit_engine forgedit_engine;

/* Receives each event of a job, in the thread that called forgedit_run. `event` is one JSON object without
 * line breaks. It belongs to the library and is valid until the callback returns. The callback must not throw
 * and must not call forgedit_close with the engine that called it. */
typedef void (*forgedit_callback)(const char* event, void* user_data);

/* The name and version of the library, for example "forgedit 1.2.3". The string is static: do not free it. */
const char* forgedit_version(void);

/* The FORGEDIT_API_VERSION that the library was built with. */
int forgedit_api_version(void);

/* Creates an engine. Pass FORGEDIT_API_VERSION as `api_version`; a library that is too old or too new for
 * that version fails. `options` is a JSON object. NULL is the same as "{}": the miniature model, on a GPU if
 * there is one. Checks that the model and the device exist; the first job that needs the model loads it.
 * Returns NULL on failure; forgedit_last_error(NULL) gives the reason. Free the engine by forgedit_close. */
forgedit_engine* forgedit_open(int api_version, const char* options);

/* Frees the engine and its memory. No job may be running on it. Does nothing for NULL. */
void forgedit_close(forgedit_engine* engine);

/* Runs one request, a JSON object, and returns a forgedit_status when the job has ended. Relative paths are
 * relative to the working directory of the process. `callback` may be NULL; it receives `user_data`
 * unchanged. The first event is "started", the last one is "done", "cancelled" or "failed". */
int forgedit_run(forgedit_engine* engine, const char* request, forgedit_callback callback, void* user_data);

/* Asks the running job to stop soon; forgedit_run then returns FORGEDIT_STOPPED. A job can be stopped from
 * its first event ("started") on. Does nothing if no job is running or `engine` is NULL. May be called from
 * any thread, from the callback and from signal handlers. */
void forgedit_stop(forgedit_engine* engine);

/* The reason, in one line, why the last forgedit_run of this engine did not return FORGEDIT_OK. It begins
 * with the key if a key of the request is wrong ("gamma: ..."). With NULL: the reason why the last
 * forgedit_open in this thread returned NULL. The string is empty after success. It belongs to the library
 * and is valid until the next forgedit_run or forgedit_close with this engine (with NULL: until this thread's
 * next forgedit_open). */
const char* forgedit_last_error(const forgedit_engine* engine);

#ifdef __cplusplus
}
#endif

#endif
