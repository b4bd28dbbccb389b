/** Script that fills table rows. Cells are set as text, never as markup. */
export const tableScript = `
  const showRows = (id, rows) => {
    const elements = rows.map((texts) => {
      const row = document.createElement("tr");
      for (const text of texts) {
        const cell = document.createElement("th");
        cell.scope = "row";
        cell.textContent = text;
        row.append(cell);
      }
      return row;
    });
    document.getElementById(id).replaceChildren(...elements);
  };
`;
