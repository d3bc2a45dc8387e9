/* jobs: `run` on a worker, `done` on the loop's thread, once each. */
#include "io/jobs.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <unistd.h>

#include "support/check.h"

/* More than libuv has threads, so that the later ones wait. */
#define MANY 64

struct work {
    struct job job;
    pthread_t ran_on, done_on;
    sem_t *gate; /* run waits for it */
    bool interruptible;
    int runs, dones, status;
};

static void run(struct job *j) {
    struct work *w = CONTAINER_OF(j, struct work, job);
    sigset_t mask;
    pthread_sigmask(SIG_BLOCK, NULL, &mask);
    w->interruptible = !sigismember(&mask, SIGINT) || !sigismember(&mask, SIGUSR1);
    w->ran_on = pthread_self();
    w->runs++;
    if (w->gate)
        sem_wait(w->gate);
}

static void done(struct job *j, int status) {
    struct work *w = CONTAINER_OF(j, struct work, job);
    w->done_on = pthread_self();
    w->status = status;
    w->dones++;
}

static struct loop *open_loop(void) {
    struct err e = {0};
    struct loop *l = loop_new(&e);
    CHECK(l);
    return l;
}

static void submit(struct loop *l, struct work *w, sem_t *gate) {
    *w = (struct work){.job = {.run = run, .done = done}, .gate = gate};
    CHECK_INT(jobs_submit(l, &w->job), 0);
}

static void finish_all(struct loop *l) {
    while (jobs_pending(l))
        CHECK_INT(loop_step(l, USEC_NEVER), 0);
}

TEST(jobs_run_on_a_worker_and_end_on_the_loop) {
    struct loop *l = open_loop();
    struct work w;
    submit(l, &w, NULL);
    finish_all(l);
    CHECK_INT(w.runs, 1);
    CHECK_INT(w.dones, 1);
    CHECK_INT(w.status, 0);
    CHECK(!pthread_equal(w.ran_on, pthread_self()));
    CHECK(pthread_equal(w.done_on, pthread_self()));
    loop_free(l);
}

TEST(jobs_end_only_inside_a_step) {
    struct loop *l = open_loop();
    struct work w;
    sem_t gate;
    sem_init(&gate, 0, 1);
    submit(l, &w, &gate);
    usleep(10000);
    CHECK_INT(w.dones, 0);
    CHECK_INT(jobs_pending(l), 1);
    finish_all(l);
    CHECK_INT(w.dones, 1);
    loop_free(l);
    sem_destroy(&gate);
}

TEST(jobs_pending_counts) {
    struct loop *l = open_loop();
    struct work w[MANY];
    CHECK_INT(jobs_pending(l), 0);
    for (int i = 0; i < MANY; i++)
        submit(l, &w[i], NULL);
    CHECK_INT(jobs_pending(l), MANY);
    finish_all(l);
    for (int i = 0; i < MANY; i++)
        CHECK_INT(w[i].runs + w[i].dones, 2);
    loop_free(l);
}

TEST(jobs_workers_get_no_signals) {
    struct loop *l = open_loop();
    struct work w;
    submit(l, &w, NULL);
    finish_all(l);
    CHECK(!w.interruptible);
    loop_free(l);
}

TEST(jobs_cancel_before_the_beginning) {
    struct loop *l = open_loop();
    struct work w[MANY];
    sem_t gate;
    sem_init(&gate, 0, 0);
    for (int i = 0; i < MANY; i++)
        submit(l, &w[i], &gate);
    jobs_cancel(&w[MANY - 1].job);
    jobs_cancel(&w[MANY - 1].job);
    CHECK_INT(w[MANY - 1].dones, 0); /* never inside the call */
    for (int i = 1; i < MANY; i++)
        sem_post(&gate);
    finish_all(l);
    CHECK_INT(w[MANY - 1].dones, 1);
    CHECK_INT(w[MANY - 1].status, ERR_CANCELED);
    CHECK_INT(w[MANY - 1].runs, 0);
    CHECK_INT(w[MANY - 2].status, 0);
    CHECK_INT(w[MANY - 2].runs, 1);
    loop_free(l);
    sem_destroy(&gate);
}

struct started {
    struct work work;
    sem_t started, gate;
};

static void run_and_tell(struct job *j) {
    struct started *s = CONTAINER_OF(j, struct started, work.job);
    s->work.runs++;
    sem_post(&s->started);
    sem_wait(&s->gate);
}

static void submit_running(struct loop *l, struct started *s) {
    *s = (struct started){.work.job = {.run = run_and_tell, .done = done}};
    sem_init(&s->started, 0, 0);
    sem_init(&s->gate, 0, 0);
    CHECK_INT(jobs_submit(l, &s->work.job), 0);
    sem_wait(&s->started); /* it runs */
}

TEST(jobs_cancel_of_a_running_one_changes_nothing) {
    struct loop *l = open_loop();
    struct started s;
    submit_running(l, &s);
    jobs_cancel(&s.work.job);
    sem_post(&s.gate);
    finish_all(l);
    CHECK_INT(s.work.status, 0);
    CHECK_INT(s.work.dones, 1);
    jobs_cancel(&s.work.job); /* long over */
    loop_free(l);
    sem_destroy(&s.started);
    sem_destroy(&s.gate);
}

static void submit_again(struct job *j, int status) {
    struct work *w = CONTAINER_OF(j, struct work, job);
    CHECK_INT(status, 0);
    if (++w->dones < 3)
        CHECK_INT(jobs_submit(j->loop, j), 0);
}

TEST(jobs_may_be_submitted_again_by_done) {
    struct loop *l = open_loop();
    struct work w = {.job = {.run = run, .done = submit_again}};
    CHECK_INT(jobs_submit(l, &w.job), 0);
    finish_all(l);
    CHECK_INT(w.runs, 3);
    CHECK_INT(w.dones, 3);
    loop_free(l);
}

static void *open_gates(void *gate) {
    usleep(10000);
    for (int i = 0; i < MANY; i++)
        sem_post(gate);
    return NULL;
}

TEST(loop_free_cancels_waiting_jobs_and_waits_for_running_ones) {
    struct loop *l = open_loop();
    struct started running;
    struct work w[MANY];
    pthread_t thread;
    sem_t gate;
    int canceled = 0;
    sem_init(&gate, 0, 0);
    submit_running(l, &running);
    for (int i = 0; i < MANY; i++)
        submit(l, &w[i], &gate);
    sem_post(&running.gate);
    CHECK_INT(pthread_create(&thread, NULL, open_gates, &gate), 0);
    loop_free(l);
    pthread_join(thread, NULL);

    CHECK_INT(running.work.dones, 1);
    CHECK_INT(running.work.status, 0);
    for (int i = 0; i < MANY; i++) {
        CHECK_INT(w[i].dones, 1);
        CHECK_INT(w[i].status, w[i].runs ? 0 : ERR_CANCELED);
        canceled += !w[i].runs;
    }
    CHECK(canceled > 0);
    sem_destroy(&gate);
}

static void submit_late(struct job *j, int status) {
    struct work *w = CONTAINER_OF(j, struct work, job);
    (void)status;
    w->status = jobs_submit(j->loop, j);
}

TEST(jobs_are_refused_while_the_loop_is_freed) {
    struct loop *l = open_loop();
    struct work w = {.job = {.run = run, .done = submit_late}};
    CHECK_INT(jobs_submit(l, &w.job), 0);
    loop_free(l);
    CHECK_INT(w.status, ERR_CLOSED);
}
