package peers;

import java.util.concurrent.atomic.LongAdder;

/** Counts events and prints a line for each 50,000 and for the last one, read by the bench. */
public final class Progress {
  public static final LongAdder N = new LongAdder();
  public static final String INPUT = System.getenv("INPUT"), OUTPUT = System.getenv("OUTPUT"), SCHEMA = System.getenv("SCHEMA");
  private static final long TOTAL = Long.parseLong(System.getenv("TOTAL"));

  public static void start() {
    Thread t = new Thread(() -> {
      long last = -1;
      while (true) {
        long n = N.sum();
        if (n / 50_000 != last / 50_000 || (n >= TOTAL && last < TOTAL)) {
          System.out.println("events " + n);
          last = n;
        }
        try { Thread.sleep(5); } catch (InterruptedException e) { return; }
      }
    }, "progress");
    t.setDaemon(true);
    t.start();
  }

  private Progress() {}
}
