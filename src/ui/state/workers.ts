/** The page's Machine: the engine's and the store's workers, through src/client. */
import { connectEngine, connectStore } from "../../client/connect";
import type { Connection } from "../../client/connection";
import { persistOnce } from "../../client/persist";
import { runJob } from "../../client/runJob";
import type { Machine } from "./machine";

export function connectWorkers(): Machine {
  const engine = connectEngine();
  const store = connectStore();

  const ask = <Api, T>(connection: Connection<Api>, question: (api: Connection<Api>["api"]) => Promise<T>): Promise<T> =>
    Promise.race([question(connection.api), connection.crashed]);

  return {
    async fetch(id, file, keep, task) {
      const stored = await runJob(store, (api, job, report) => api.fetch(job, id, file, report, keep), task);
      void persistOnce();
      return stored;
    },
    inspect: (source, evenSo, task) => runJob(store, (api, job, report) => api.inspect(job, source, report, evenSo), task),
    async importModel(source, choices, task) {
      const stored = await runJob(store, (api, job, report) => api.importModel(job, source, choices, report), task);
      void persistOnce();
      return stored;
    },
    compare: (request, task) => runJob(engine, (api, job, report) => api.compare(job, request, report), task),
    noteAnswers: (sha256, answers) => ask(store, (api) => api.noteAnswers(sha256, answers)),
    list: () => ask(store, (api) => api.list()),
    remove: (sha256) => ask(store, (api) => api.remove(sha256)),
    quota: () => ask(store, (api) => api.quota()),
    notice: () => ask(store, (api) => api.notice()),
    open: (weights, card, task) => runJob(engine, (api, job) => api.open(job, weights, card), task),
    render: (request, task) =>
      runJob(
        engine,
        (api, job, report) => {
          task.onChangeable?.((objective) => void api.change(job, objective).catch(() => {})); // a dead worker has failed the job
          return api.render(job, request, report);
        },
        task,
      ),
    measure: (request, task) => runJob(engine, (api, job, report) => api.measure(job, request, report), task),
    predict: (request, task) => runJob(engine, (api, job, report) => api.predict(job, request, report), task),
    attribute: (request, task) => runJob(engine, (api, job, report) => api.attribute(job, request, report), task),
    neuronGroups: (request, task) => runJob(engine, (api, job, report) => api.neuronGroups(job, request, report), task),
    truth: (request, task) => runJob(engine, (api, job, report) => api.truth(job, request, report), task),
    randomised: (request, task) => runJob(engine, (api, job, report) => api.randomised(job, request, report), task),
    attributeLayer: (request, task) => runJob(engine, (api, job, report) => api.attributeLayer(job, request, report), task),
    examine: (request, task) => runJob(engine, (api, job, report) => api.examine(job, request, report), task),
    tune: (request, task) => runJob(engine, (api, job, report) => api.tune(job, request, report), task),
    connections: (request, task) => runJob(engine, (api, job, report) => api.connections(job, request, report), task),
    similarity: (request, task) => runJob(engine, (api, job, report) => api.similarity(job, request, report), task),
    device: (choice) => ask(engine, (api) => api.device(choice)),
  };
}
