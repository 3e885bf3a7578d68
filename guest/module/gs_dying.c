// Deaths of a guest: a task that writes the name of one into /proc/gs-die dies so, on the CPU where the
// writer runs.
#include <linux/atomic.h>
#include <linux/init.h>
#include <linux/irqflags.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/proc_fs.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/uaccess.h>

// noinline all through: stacks and registers name the death.

static noinline void gs_panic(void) { panic("gs: it was asked to"); }

static noinline void gs_null(void) { *(volatile int *)8 = 1; }

static noinline void gs_irqs_off(void) {
  local_irq_disable();
  for (;;)
    cpu_relax();
}

static noinline void gs_preempt_off(void) {
  preempt_disable();
  for (;;)
    cpu_relax();
}

// Two CPUs: each takes one lock, and then waits for the other's.
static noinline void gs_spinlock(void) {
  static DEFINE_SPINLOCK(lock_a);
  static DEFINE_SPINLOCK(lock_b);
  static atomic_t arrivals = ATOMIC_INIT(0), holders = ATOMIC_INIT(0);
  bool is_first = atomic_inc_return(&arrivals) == 1;

  spin_lock(is_first ? &lock_a : &lock_b);
  atomic_inc(&holders);
  while (atomic_read(&holders) < 2)
    cpu_relax();
  spin_lock(is_first ? &lock_b : &lock_a);
}

// A task waits for a mutex that it holds itself, in D.
static noinline void gs_hung(void) {
  static DEFINE_MUTEX(lock);

  mutex_lock(&lock);
  mutex_lock(&lock);
}

static const struct {
  const char *name;
  void (*die)(void);
} deaths[] = {
    {"panic", gs_panic},     {"null", gs_null},   {"irqs-off", gs_irqs_off},
    {"preempt-off", gs_preempt_off}, {"spinlock", gs_spinlock}, {"hung", gs_hung},
};

static ssize_t gs_write(struct file *file, const char __user *text, size_t size, loff_t *at) {
  char name[32] = "";
  int index;

  if (size >= sizeof(name) || copy_from_user(name, text, size))
    return -EINVAL;
  for (index = 0; index < ARRAY_SIZE(deaths); index++)
    if (strcmp(name, deaths[index].name) == 0)
      deaths[index].die();
  return -ENOENT;
}

static const struct proc_ops gs_operations = {.proc_write = gs_write};

static int __init gs_init(void) {
  return proc_create("gs-die", 0200, NULL, &gs_operations) ? 0 : -ENOMEM;
}

module_init(gs_init);
MODULE_DESCRIPTION("Deaths of a test guest");
MODULE_LICENSE("GPL");
