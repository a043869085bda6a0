export interface Toast {
  id: number;
  text: string;
  link?: { href: string; text: string };
}

const SHOWN_MS = 5_000;
let nextToast = 1;

class Toasts {
  list = $state.raw<Toast[]>([]);

  show(text: string, link?: Toast["link"]): void {
    const toast: Toast = { id: nextToast++, text, link };
    this.list = [...this.list.slice(-2), toast];
    setTimeout(() => this.dismiss(toast.id), SHOWN_MS);
  }

  dismiss(id: number): void {
    this.list = this.list.filter((toast) => toast.id !== id);
  }
}

export const toasts = new Toasts();
