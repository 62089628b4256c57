/* What a question is sent with: what it is asked within, and the name of the card that it follows. */
(question, model) => {
  const root = document.documentElement, alone = root.dataset.alone;
  delete root.dataset.alone;
  const after = alone ? '' : [...document.querySelectorAll('.turn')].at(-1)?.id || '';
  return [question, model, JSON.stringify({...JSON.parse(root.dataset.within || '{}'), after})];
}
